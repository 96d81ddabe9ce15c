/** A text with references, edited with completion. Loaded when the first one is shown. */

import { autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, placeholder, tooltips } from "@codemirror/view";
import { useEffect, useLayoutEffect, useRef } from "react";
import type { Json } from "../base/json";
import { summary } from "../base/json";
import { typeOf } from "../config/schema";
import { styleNonce } from "../api/session";
import { completeReference } from "./completion";
import { highlightReferences } from "./highlight";
import { preview } from "./preview";
import type { Variables } from "./variables";
import "./expressions.css";
import { t } from "../locale/locale";

interface ExpressionFieldProps {
  readonly label: string;
  readonly pointer: string;
  readonly value: Json | undefined;
  readonly isLong: boolean;
  readonly variables: Variables;
  readonly onChange: (value: Json | undefined) => void;
}

export function ExpressionField({
  label,
  pointer,
  value,
  isLong,
  variables,
  onChange,
}: ExpressionFieldProps): React.JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef({ variables, onChange });
  useLayoutEffect(() => {
    latest.current = { variables, onChange };
  }, [variables, onChange]);
  const text = typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value);

  useEffect(() => {
    if (host.current === null) return undefined;
    const made = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: host.current.dataset.start ?? "",
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
          highlightReferences(() => latest.current.variables),
          keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap]),
          placeholder(t("Type !ref( to choose a value")),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({
            "aria-label": t("{label}, reference", { label }),
            "data-testid": `field-${pointer}`,
          }),
          isLong ? [] : EditorState.transactionFilter.of((change) => (change.newDoc.lines > 1 ? [] : change)),
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
    return () => made.destroy();
  }, [label, pointer, isLong]);

  useEffect(() => {
    const editor = view.current;
    if (editor === undefined || editor.state.doc.toString() === text) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text }, userEvent: "outside" });
  }, [text]);

  return (
    <div className="expression" data-testid="expr">
      <div ref={host} className={`expression-host ${isLong ? "expression-long" : ""}`} data-start={text} />
      <PreviewLine text={text} variables={variables} />
    </div>
  );
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
          <span className="expression-value">{shown.value === "" ? t("(empty)") : summary(shown.value, 160)}</span>
        </>
      )}
      {shown.kind === "missing" && <span className="muted">{t("no data yet")}</span>}
      {shown.kind === "unknown" && <span className="muted">{t("shown when it runs")}</span>}
    </div>
  );
}
