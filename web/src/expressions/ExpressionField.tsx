/** A text with references, edited with completion. Loaded when the first one is shown. */

import { autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import type { Transaction } from "@codemirror/state";
import { EditorState, Text } from "@codemirror/state";
import { EditorView, keymap, placeholder, tooltips } from "@codemirror/view";
import { useEffect, useLayoutEffect, useRef } from "react";
import type { Json } from "../base/json";
import { summary } from "../base/json";
import { typeOf } from "../config/schema";
import { styleNonce } from "../api/session";
import { referenceChips, variablesChanged } from "./chipView";
import { completeReference } from "./completion";
import { preview } from "./preview";
import type { Variables } from "./variables";
import "./expressions.css";
import { t } from "../locale/locale";

interface ExpressionFieldProps {
  readonly label: string;
  readonly testId: string;
  readonly value: Json | undefined;
  readonly isLong: boolean;
  readonly isReadOnly: boolean;
  /** Whether one writes there as soon as it is shown. */
  readonly isFocused?: boolean;
  readonly variables: Variables;
  readonly onChange: (value: Json | undefined) => void;
}

export function ExpressionField({
  label,
  testId,
  value,
  isLong,
  isReadOnly,
  isFocused = false,
  variables,
  onChange,
}: ExpressionFieldProps): React.JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const begins = useRef(isFocused);
  const latest = useRef({ variables, onChange });
  useLayoutEffect(() => {
    latest.current = { variables, onChange };
  }, [variables, onChange]);
  const text = typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value);

  useEffect(() => {
    if (host.current === null) return undefined;
    const doc = Text.of((host.current.dataset.start ?? "").split(/\r\n?|\n/));
    const made = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc,
        // Where one goes on writing.
        selection: { anchor: doc.length },
        extensions: [
          ...(styleNonce === "" ? [] : [EditorView.cspNonce.of(styleNonce)]),
          history(),
          closeBrackets(),
          autocompletion({
            override: [(context) => completeReference(context, latest.current.variables)],
            icons: false,
            interactionDelay: 0,
          }),
          tooltips({ position: "fixed" }),
          referenceChips(() => latest.current.variables),
          keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap]),
          placeholder(t("Type !ref( to choose a value")),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({
            "aria-label": t("{label}, reference", { label }),
            "data-testid": testId,
          }),
          isLong ? [] : EditorState.transactionFilter.of((change) => (addsLines(change) ? [] : change)),
          isReadOnly ? [EditorState.readOnly.of(true), EditorView.editable.of(false)] : [],
          EditorView.updateListener.of((update) => {
            if (!update.docChanged || update.transactions.some((transaction) => transaction.isUserEvent("outside")))
              return;
            const next = update.state.doc.toString();
            latest.current.onChange(next === "" ? undefined : next);
          }),
        ],
      }),
    });
    view.current = made;
    if (begins.current) made.focus();
    begins.current = false;
    return () => made.destroy();
  }, [label, testId, isLong, isReadOnly]);

  useEffect(() => view.current?.dispatch({ effects: variablesChanged.of(null) }), [variables]);

  useEffect(() => {
    const editor = view.current;
    if (editor === undefined || editor.state.doc.toString() === text) return;
    const insert = editor.state.toText(text);
    editor.dispatch({
      changes: { from: 0, to: editor.state.doc.length, insert },
      selection: { anchor: insert.length },
      userEvent: "outside",
    });
  }, [text]);

  return (
    <div className="expression" data-testid="expr">
      <div ref={host} className={`expression-host ${isLong ? "expression-long" : ""}`} data-start={text} />
      <PreviewLine text={text} variables={variables} />
    </div>
  );
}

/** Whether somebody would begin a line where there is one only. What has several is changed within them. */
function addsLines(change: Transaction): boolean {
  if (!change.docChanged || change.isUserEvent("outside")) return false;
  return change.newDoc.lines > change.startState.doc.lines;
}

function PreviewLine({
  text,
  variables,
}: {
  readonly text: string;
  readonly variables: Variables;
}): React.JSX.Element | null {
  if (text === "") return null;
  const shown = preview(text, variables);
  return (
    <div className="expression-preview" data-testid="expr-preview">
      {shown.kind === "value" && (
        <>
          <span className="expression-type">{typeOf(shown.value)}</span>
          <bdi className="expression-value">{shown.value === "" ? t("(empty)") : summary(shown.value, 160)}</bdi>
        </>
      )}
      {shown.kind === "missing" && <span className="muted">{t("no data yet")}</span>}
      {shown.kind === "unknown" && <span className="muted">{t("shown when it runs")}</span>}
    </div>
  );
}
