import { Suspense, useCallback, useMemo, useState } from "react";
import type { JsonObject } from "../base/json";
import { isObject } from "../base/json";
import { withOptional } from "../document/scope";
import type { WorkflowDocument } from "../document/types";
import { useDocument, useEditor, useEditorContext } from "../editor/store";
import { useTriggerVariables } from "../expressions/triggerVariables";
import type { LocatedProblem } from "../problems/locate";
import { Boundary, later } from "../shell/later";
import { Button, IconButton } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";
import { contract, triggerSchema, workflowSettings } from "./contract";
import { EventNames, offeringNames } from "./EventNames";
import { controlAt, onlyFlow, withoutFlow } from "./flow/values";
import { PastMatches } from "./PastMatches";
import { ProblemLines } from "./ProblemLines";
import { messagesBelow } from "./problems";
import { SchemaForm } from "./SchemaForm";
import type { TriggerKind } from "./triggers";
import { TRIGGER_KINDS, kindOfTrigger, triggersOf, withTriggers } from "./triggers";
import { WebhookTrigger } from "./WebhookTrigger";
import type { Message } from "../locale/locale";
import { t, withPanelWords } from "../locale/locale";

const KIND_LABELS: Readonly<Record<TriggerKind, Message>> = {
  event: "An event",
  cron: "A schedule",
  webhook: "A webhook",
  manual: "By hand",
  http: "An HTTP request",
};
const NEW_TRIGGERS: Readonly<Record<TriggerKind, JsonObject>> = {
  event: { event: "" },
  cron: { cron: "0 9 * * *" },
  webhook: { webhook: "" },
  manual: { manual: true },
  http: { http: {} },
};
const NONE: readonly LocatedProblem[] = [];
const EMPTY: JsonObject = {};

const ScheduleTimes = later(() =>
  withPanelWords(() => import("./ScheduleTimes")).then((module) => module.ScheduleTimes),
);
const FlowPanel = later(() => withPanelWords(() => import("./flow/FlowPanel")).then((module) => module.FlowPanel));

const TABS = ["triggers", "settings", "flow"] as const;
type Tab = (typeof TABS)[number];
const TAB_LABELS: Readonly<Record<Tab, Message>> = { triggers: "Triggers", settings: "Settings", flow: "Flow control" };

/** The tab on which a field of the workflow stands. */
function tabOf(field: string): Tab {
  if (controlAt(field) !== undefined) return "flow";
  return field.startsWith("/settings") ? "settings" : "triggers";
}

/** What starts the workflow, and what holds for all of it. */
export function WorkflowPanel(): React.JSX.Element {
  const { store } = useEditorContext();
  const focusWish = useEditor((state) => state.focusWish);
  const [chosen, setChosen] = useState<{ tab: Tab; wish: number }>({ tab: "triggers", wish: 0 });
  const tab = focusWish !== undefined && focusWish.number > chosen.wish ? tabOf(focusWish.field) : chosen.tab;
  return (
    <>
      <header className="panel-header">
        <span className="step-icon step-icon-trigger">
          <Icon name="bolt" size={18} />
        </span>
        <div className="grow">
          <h2>{t("Workflow")}</h2>
          <div className="panel-kind">{t("What starts it, and what holds for all of it")}</div>
        </div>
        <IconButton icon="x" label={t("Close")} onClick={() => store.getState().show("none")} />
      </header>
      <div className="segments panel-tabs" role="tablist" aria-label={t("Parts of the workflow")}>
        {TABS.map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            aria-selected={tab === name}
            onClick={() => setChosen({ tab: name, wish: focusWish?.number ?? 0 })}
          >
            {t(TAB_LABELS[name])}
          </button>
        ))}
      </div>
      <div className="panel-body" role="tabpanel" aria-label={t(TAB_LABELS[tab])}>
        {tab === "triggers" && <Triggers />}
        {tab === "settings" && <Settings />}
        {tab === "flow" && (
          <Suspense>
            <FlowPanel />
          </Suspense>
        )}
      </div>
    </>
  );
}

function Triggers(): React.JSX.Element {
  const { store } = useEditorContext();
  const document = useDocument();
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const problems = useEditor((state) => state.problems.byTarget.get("workflow")) ?? NONE;
  const triggers = triggersOf(document);
  const kinds = useEditor((state) => state.possible.kinds);
  const [first] = kinds;
  // Triggers have nothing of their own to be told apart by: once one is removed, cards do not keep what was typed.
  const [removed, setRemoved] = useState(0);
  const set = useCallback(
    (next: readonly JsonObject[], label: string, mergeKey?: string) => {
      store.getState().edit((old) => withTriggers(old, next), label, mergeKey);
    },
    [store],
  );
  return (
    <>
      <ProblemLines problems={problems.filter(({ target }) => !/^\/triggers?\/./.test(target.field))} />
      <EventNames />
      {triggers.length === 0 && <p className="muted">{t("Nothing starts this workflow yet.")}</p>}
      {triggers.map((trigger, index) => (
        <TriggerCard
          key={`${removed} ${index}`}
          trigger={trigger}
          index={index}
          kinds={kinds}
          document={document}
          problems={problems}
          isReadOnly={isReadOnly}
          onChange={set}
          onRemove={() => {
            setRemoved(removed + 1);
            set(triggers.toSpliced(index, 1), t("remove a trigger"));
          }}
        />
      ))}
      {!isReadOnly && first !== undefined && (
        <Button
          icon="plus"
          testId="add-trigger"
          onClick={() => set([...triggers, NEW_TRIGGERS[first]], t("add a trigger"))}
        >
          {t("Add a trigger")}
        </Button>
      )}
    </>
  );
}

interface TriggerCardProps {
  readonly trigger: JsonObject;
  readonly index: number;
  readonly kinds: readonly TriggerKind[];
  readonly document: WorkflowDocument;
  readonly problems: readonly LocatedProblem[];
  readonly isReadOnly: boolean;
  readonly onChange: (triggers: readonly JsonObject[], label: string, mergeKey?: string) => void;
  readonly onRemove: () => void;
}

function TriggerCard({
  trigger,
  index,
  kinds,
  document,
  problems,
  isReadOnly,
  onChange,
  onRemove,
}: TriggerCardProps): React.JSX.Element {
  const kind = kindOfTrigger(trigger);
  const triggers = triggersOf(document);
  const messages = useMemo(() => messagesBelow(problems, pointerOf(document, index)), [problems, document, index]);
  const schema = useMemo(() => (kind === undefined ? {} : offeringNames(triggerSchema(kind))), [kind]);
  const readable = useTriggerVariables(trigger);
  const isAlone = triggers.length === 1;
  return (
    <section className="trigger-card" aria-label={t("Trigger {number}", { number: index + 1 })}>
      <div className="row">
        <select
          className="input"
          aria-label={t("Kind of trigger {number}", { number: index + 1 })}
          data-testid={`trigger-kind-${index}`}
          disabled={isReadOnly}
          value={kind ?? ""}
          onChange={(event) =>
            onChange(triggers.with(index, NEW_TRIGGERS[event.target.value as TriggerKind]), t("change a trigger"))
          }
        >
          {kind === undefined && <option value="">—</option>}
          {TRIGGER_KINDS.filter((name) => name === kind || kinds.includes(name)).map((name) => (
            <option key={name} value={name}>
              {t(KIND_LABELS[name])}
            </option>
          ))}
        </select>
        {!isReadOnly && (
          <IconButton icon="trash" label={t("Remove trigger {number}", { number: index + 1 })} onClick={onRemove} />
        )}
      </div>
      {kind === "cron" && (
        <Boundary>
          <ScheduleTimes trigger={trigger} />
        </Boundary>
      )}
      {kind !== undefined && kind !== "manual" && (
        <SchemaForm
          schema={schema}
          root={contract()}
          value={trigger}
          problems={messages}
          variables={undefined}
          readable={readable}
          isReadOnly={isReadOnly}
          onChange={(next, pointer) =>
            onChange(
              triggers.with(index, withKind(kind, next)),
              t("edit a trigger"),
              `trigger ${isAlone ? 0 : index} ${pointer}`,
            )
          }
        />
      )}
      {kind === "event" && <PastMatches trigger={trigger} />}
      {kind === "webhook" && <WebhookTrigger trigger={trigger} index={index} isReadOnly={isReadOnly} />}
    </section>
  );
}

/** A trigger whose name or time was emptied stays one of its kind, with the field to write it anew. */
function withKind(kind: TriggerKind, trigger: JsonObject): JsonObject {
  const fresh = NEW_TRIGGERS[kind][kind] ?? "";
  return kind in trigger ? trigger : { [kind]: typeof fresh === "string" ? "" : fresh, ...trigger };
}

/** Where a trigger stands in the document, which may have one beside its list. */
function pointerOf(document: WorkflowDocument, index: number): string {
  if (document.trigger === undefined) return `/triggers/${index}`;
  return index === 0 ? "/trigger" : `/triggers/${index - 1}`;
}

function Settings(): React.JSX.Element {
  const { store } = useEditorContext();
  const document = useDocument();
  const isReadOnly = useEditor((state) => state.isReadOnly);
  const problems = useEditor((state) => state.problems.byTarget.get("workflow")) ?? NONE;
  const change = useCallback(
    (value: JsonObject, pointer: string) => {
      store.getState().edit(
        (old) => {
          const next = { ...value, ...onlyFlow(isObject(old.settings) ? old.settings : EMPTY) };
          return withOptional(old, "settings", Object.keys(next).length === 0 ? undefined : next);
        },
        t("edit the settings"),
        `settings ${pointer}`,
      );
    },
    [store],
  );
  const messages = useMemo(() => messagesBelow(problems, "/settings"), [problems]);
  const schema = useMemo(() => otherSettings(), []);
  const settings = useMemo(
    () => withoutFlow(isObject(document.settings) ? document.settings : EMPTY),
    [document.settings],
  );
  return (
    <>
      <label className="field">
        <span className="field-label">{t("Description")}</span>
        <textarea
          className="input"
          disabled={isReadOnly}
          value={document.description ?? ""}
          onChange={(event) => {
            const text = event.target.value === "" ? undefined : event.target.value;
            store
              .getState()
              .edit((old) => withOptional(old, "description", text), t("edit the description"), "description");
          }}
        />
      </label>
      <SchemaForm
        schema={schema}
        root={contract()}
        value={settings}
        problems={messages}
        variables={undefined}
        isReadOnly={isReadOnly}
        onChange={change}
      />
    </>
  );
}

/** The settings that no panel of their own has. */
function otherSettings(): JsonObject {
  const schema = workflowSettings();
  return { ...schema, properties: withoutFlow(isObject(schema.properties) ? schema.properties : EMPTY) };
}
