import { Suspense, useCallback, useState } from "react";
import type { OptionList } from "../api/schema";
import { api } from "../api/session";
import { isDisabled } from "../document/edits";
import { findAction } from "../document/scope";
import type { WorkflowAction } from "../document/types";
import { LOOP_KIND } from "../document/types";
import { deleteSelection, duplicateSelection, toggleSelection } from "../editor/commands";
import { useDocument, useEditor, useEditorContext } from "../editor/store";
import { useVariables } from "../expressions/useVariables";
import { later } from "../shell/later";
import { Button, IconButton } from "../shell/ui/Button";
import type { ListOptions } from "./form";
import { ProblemLines } from "./ProblemLines";
import { SchemaForm } from "./SchemaForm";
import { StepHeading } from "./StepHeading";
import { useStepPart } from "./useStepPart";
import { t, withPanelWords } from "../locale/locale";

const StepSettings = later(() => withPanelWords(() => import("./StepSettings")).then((module) => module.StepSettings));

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
        <Suspense>
          {tab === "inputs" ? <Inputs key={id} action={action} /> : <StepSettings key={id} action={action} />}
        </Suspense>
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
            <IconButton
              icon={isDisabled(action) ? "play" : "pause"}
              label={isDisabled(action) ? t("Switch on") : t("Switch off: runs skip it")}
              testId="toggle-step"
              onClick={() => toggleSelection(store)}
            />
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
  const form = useStepPart(action, "inputs");
  const listOptions = useListOptions(action.kind);
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
      <p className="muted">
        <bdi>{kind.action.description}</bdi>
      </p>
      <ProblemLines problems={form.others} />
      <SchemaForm
        schema={kind.action.inputs}
        value={form.value}
        problems={form.problems}
        variables={variables}
        isReadOnly={form.isReadOnly}
        focusWish={form.focusWish}
        listOptions={listOptions}
        takesSecrets
        onChange={form.change}
      />
    </>
  );
}

/** Asks the server for the options of inputs of an action. */
function useListOptions(kind: string): ListOptions {
  return useCallback(
    (request) => {
      const path = kind.split("/").map(encodeURIComponent).join("/");
      return api.send<OptionList>("POST", `/actions/${path}/options`, { ...request });
    },
    [kind],
  );
}
