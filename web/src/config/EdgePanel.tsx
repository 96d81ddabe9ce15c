import { Suspense } from "react";
import type { Json } from "../base/json";
import { isObject } from "../base/json";
import { changeEdge, updateAction } from "../document/edits";
import { nameOfStep } from "../document/names";
import { graphAt, withOptional } from "../document/scope";
import type { ConditionType, Conditional, WorkflowAction, WorkflowEdge } from "../document/types";
import { SOURCE } from "../document/types";
import { deleteSelection } from "../editor/commands";
import { useDocument, useEditor, useEditorContext } from "../editor/store";
import { ReferencePicker } from "../expressions/ReferencePicker";
import { useEdgeVariables } from "../expressions/useVariables";
import { targetKey } from "../problems/locate";
import { later } from "../shell/later";
import { Button, IconButton } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";
import { AnyControl } from "./fields/AnyControl";
import { ProblemLines } from "./ProblemLines";
import { describe } from "./schema";
import type { Message } from "../locale/locale";
import { t, withPanelWords } from "../locale/locale";

const ExpressionField = later(() =>
  withPanelWords(() => import("../expressions/ExpressionField")).then((module) => module.ExpressionField),
);

const TYPES: readonly { readonly type: ConditionType | "always"; readonly label: Message }[] = [
  { type: "always", label: "Always" },
  { type: "if", label: "If a value is true" },
  { type: "else", label: "If a value is not true" },
  { type: "match", label: "If a value equals another" },
  { type: "error", label: "If the step has failed" },
];
const DEFAULT_REF = "!ref($.output.result)";

/** When a connection is taken, and what it is called. */
export function EdgePanel({ id }: { readonly id: string }): React.JSX.Element | null {
  const { store } = useEditorContext();
  const document = useDocument();
  const scope = useEditor((state) => state.scope);
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const problems = useEditor((state) => state.problems.byTarget.get(targetKey("edge", scope, id)));
  const names = useEditor((state) => state.catalogue.names);
  const graph = graphAt(document, scope);
  const edge = graph.edges.find((candidate) => candidate.id === id);
  if (edge === undefined) return null;
  const nameOf = (nodeId: string): string => (nodeId === SOURCE ? t("Trigger") : nameOfStep(graph, nodeId, names));
  const change = (next: (old: WorkflowEdge) => WorkflowEdge, what: string): void =>
    store.getState().edit((old) => changeEdge(old, scope, id, next), t("edit the connection"), `${id} ${what}`);
  return (
    <>
      <header className="panel-header">
        <span className="step-icon step-icon-edge">
          <Icon name="branch" size={18} />
        </span>
        <div className="grow">
          <h2>{t("Connection")}</h2>
          <div className="panel-kind">
            {nameOf(edge.from)} → {nameOf(edge.to)}
          </div>
        </div>
        <IconButton icon="x" label={t("Close")} onClick={() => store.getState().show("none")} />
      </header>
      <div className="panel-body">
        <ProblemLines problems={problems ?? []} />
        <label className="field">
          <span className="field-label">{t("Name")}</span>
          <input
            className="input"
            data-testid="field-/name"
            disabled={isReadOnly}
            value={edge.name ?? ""}
            onChange={(event) => {
              const name = event.target.value === "" ? undefined : event.target.value;
              change((old) => withOptional(old, "name", name), "name");
            }}
          />
        </label>
        <Condition
          edge={edge}
          isReadOnly={isReadOnly}
          onChange={(next, what) => change((old) => withOptional(old, "conditional", next), what)}
        />
      </div>
      {!isReadOnly && (
        <footer className="panel-footer">
          <span className="grow" />
          <IconButton icon="trash" label={t("Delete")} onClick={() => deleteSelection(store)} />
        </footer>
      )}
    </>
  );
}

interface ConditionProps {
  readonly edge: WorkflowEdge;
  readonly isReadOnly: boolean;
  readonly onChange: (conditional: Conditional | undefined, what: string) => void;
}

function Condition({ edge, isReadOnly, onChange }: ConditionProps): React.JSX.Element {
  const variables = useEdgeVariables(edge.from);
  const conditional = edge.conditional ?? undefined;
  const needsRef = conditional !== undefined && conditional.type !== "error";
  const setRef = (ref: Json | undefined): void => {
    if (conditional !== undefined) onChange({ ...conditional, ref: String(ref ?? "") }, "ref");
  };
  return (
    <>
      <label className="field">
        <span className="field-label">{t("Taken")}</span>
        <select
          className="input"
          data-testid="field-/conditional/type"
          disabled={isReadOnly}
          value={conditional?.type ?? "always"}
          onChange={(event) => onChange(withType(conditional, event.target.value as ConditionType | "always"), "type")}
        >
          {TYPES.map(({ type, label }) => (
            <option key={type} value={type}>
              {t(label)}
            </option>
          ))}
        </select>
      </label>
      {needsRef && (
        <div className="field" data-pointer="/conditional/ref">
          <div className="field-head">
            <span className="field-label">{t("Value")}</span>
            <span className="grow" />
            {!isReadOnly && <ReferencePicker variables={variables} label={t("Value")} onPick={setRef} />}
          </div>
          <Suspense fallback={<div className="input field-loading" />}>
            <ExpressionField
              label={t("Value")}
              testId="field-/conditional/ref"
              value={conditional.ref}
              isLong={false}
              isReadOnly={isReadOnly}
              variables={variables}
              onChange={setRef}
            />
          </Suspense>
        </div>
      )}
      {conditional?.type === "match" && (
        <div className="field">
          <label className="field-label" htmlFor={`match-${edge.id}`}>
            {t("Equals")}
          </label>
          <AnyControl
            id={`match-${edge.id}`}
            pointer="/conditional/value"
            spec={describe({}, {})}
            value={conditional.value}
            isInvalid={false}
            describedBy={undefined}
            isReadOnly={isReadOnly}
            onChange={(value) => onChange(withOptional(conditional, "value", value), "value")}
          />
        </div>
      )}
      {conditional?.type === "error" && <ErrorWay from={edge.from} isReadOnly={isReadOnly} />}
    </>
  );
}

/** Whether the step lets its failures go this way; else it is switched on here. */
function ErrorWay({ from, isReadOnly }: { readonly from: string; readonly isReadOnly: boolean }): React.JSX.Element {
  const { store } = useEditorContext();
  const scope = useEditor((state) => state.scope);
  const step = useDocumentStep(from);
  const isOn = isObject(step?.settings) && step.settings.on_error === "branch";
  if (isOn || step === undefined)
    return <p className="field-help">{t("The run goes this way when the step has failed for good.")}</p>;
  const switchOn = (): void =>
    store.getState().edit(
      (old) =>
        updateAction(old, scope, from, (action) => ({
          ...action,
          settings: { ...(isObject(action.settings) ? action.settings : {}), on_error: "branch" },
        })),
      t("edit the settings"),
    );
  return (
    <div className="field">
      <p className="field-help">
        {t("A failure of the step still ends the run: its setting “On error” is not “Branch”.")}
      </p>
      {!isReadOnly && (
        <div>
          <Button testId="branch-on-error" onClick={switchOn}>
            {t("Let failures go this way")}
          </Button>
        </div>
      )}
    </div>
  );
}

function useDocumentStep(id: string): WorkflowAction | undefined {
  const document = useDocument();
  const scope = useEditor((state) => state.scope);
  return graphAt(document, scope).actions.find((action) => action.id === id);
}

function withType(old: Conditional | undefined, type: ConditionType | "always"): Conditional | undefined {
  if (type === "always") return undefined;
  if (type === "error") return { type };
  const ref = old?.ref ?? DEFAULT_REF;
  return type === "match" ? { type, ref, value: old?.value ?? "" } : { type, ref };
}
