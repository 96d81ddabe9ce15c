import { useCallback, useMemo, useState } from "react";
import type { JsonObject } from "../base/json";
import { isObject } from "../base/json";
import { updateAction } from "../document/edits";
import { findAction, withOptional } from "../document/scope";
import type { WorkflowAction } from "../document/types";
import { LOOP_KIND } from "../document/types";
import { deleteSelection, duplicateSelection } from "../editor/commands";
import { useDocument, useEditor, useEditorContext } from "../editor/store";
import { useVariables } from "../expressions/useVariables";
import { Button, IconButton } from "../shell/ui/Button";
import { contract, stepSettings } from "./contract";
import { fieldProblems, otherProblems } from "./problems";
import { ProblemLines } from "./ProblemLines";
import { SchemaForm } from "./SchemaForm";
import { StepHeading } from "./StepHeading";
import { t } from "../locale/locale";

type Tab = "inputs" | "settings";

/** What a step does and how: its inputs by the schema of its action, and its settings. */
export function StepPanel({ id }: { readonly id: string }): React.JSX.Element | null {
  const { store } = useEditorContext();
  const document = useDocument();
  const scope = useEditor((state) => state.scope);
  const focusWish = useEditor((state) => state.focusWish);
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const [chosen, setChosen] = useState<{ tab: Tab; wish: number }>({ tab: "inputs", wish: 0 });
  const action = findAction(document, scope, id);
  if (action === undefined) return null;
  const wished = focusWish !== undefined && focusWish.number > chosen.wish && focusWish.field.startsWith("/settings");
  const tab = wished ? "settings" : chosen.tab;
  return (
    <>
      <StepHeading key={id} action={action} />
      <div className="segments panel-tabs" role="tablist" aria-label={t("Parts of the step")}>
        {(["inputs", "settings"] as const).map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            aria-selected={tab === name}
            onClick={() => setChosen({ tab: name, wish: focusWish?.number ?? 0 })}
          >
            {name === "inputs" ? t("Inputs") : t("Settings")}
          </button>
        ))}
      </div>
      <div className="panel-body" role="tabpanel" aria-label={tab === "inputs" ? t("Inputs") : t("Settings")}>
        {tab === "inputs" ? <Inputs key={id} action={action} /> : <Settings key={id} action={action} />}
      </div>
      <footer className="panel-footer">
        {action.kind === LOOP_KIND && (
          <Button icon="loop" onClick={() => store.getState().enter([...scope, id])}>
            {t("Open its steps")}
          </Button>
        )}
        <span className="grow" />
        {!isReadOnly && (
          <>
            <IconButton icon="copy" label={t("Duplicate")} onClick={() => duplicateSelection(store)} />
            <IconButton icon="trash" label={t("Delete")} onClick={() => deleteSelection(store)} />
          </>
        )}
      </footer>
    </>
  );
}

function Inputs({ action }: { readonly action: WorkflowAction }): React.JSX.Element {
  const kind = useEditor((state) => state.catalogue.get(action.kind));
  const variables = useVariables(action.id);
  const form = usePart(action, "inputs");
  if (kind === undefined)
    return (
      <p className="muted">
        {t("There is no action of the kind “{kind}” on this server, so its inputs cannot be shown.", {
          kind: action.kind,
        })}
      </p>
    );
  return (
    <>
      <p className="muted">{kind.action.description}</p>
      <ProblemLines problems={form.others} />
      <SchemaForm
        schema={kind.action.inputs}
        value={form.value}
        problems={form.problems}
        variables={variables}
        isReadOnly={form.isReadOnly}
        focusWish={form.focusWish}
        onChange={form.change}
      />
    </>
  );
}

function Settings({ action }: { readonly action: WorkflowAction }): React.JSX.Element {
  const form = usePart(action, "settings");
  return (
    <SchemaForm
      schema={stepSettings()}
      root={contract()}
      value={form.value}
      problems={form.problems}
      variables={undefined}
      isReadOnly={form.isReadOnly}
      focusWish={form.focusWish}
      onChange={form.change}
    />
  );
}

/** One of the two objects of an action that have a form, and how to change it. */
function usePart(action: WorkflowAction, part: "inputs" | "settings") {
  const { store } = useEditorContext();
  const scope = useEditor((state) => state.scope);
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const index = useEditor((state) => state.problems);
  const wish = useEditor((state) => state.focusWish);
  const { id } = action;
  const change = useCallback(
    (value: JsonObject, pointer: string) => {
      const kept = Object.keys(value).length === 0 ? undefined : value;
      store
        .getState()
        .edit(
          (document) => updateAction(document, scope, id, (old) => withOptional(old, part, kept)),
          part === "inputs" ? t("edit the inputs") : t("edit the settings"),
          `${id} ${part} ${pointer}`,
        );
    },
    [store, scope, id, part],
  );
  const problems = useMemo(() => fieldProblems(index, scope, id, `/${part}`), [index, scope, id, part]);
  const others = useMemo(() => otherProblems(index, scope, id), [index, scope, id]);
  const prefix = `/${part}`;
  const focusWish = useMemo(
    () => (wish?.field.startsWith(prefix) === true ? { ...wish, field: wish.field.slice(prefix.length) } : undefined),
    [wish, prefix],
  );
  const value = action[part];
  return { value: isObject(value) ? value : EMPTY, change, problems, others, isReadOnly, focusWish };
}

const EMPTY: JsonObject = {};
