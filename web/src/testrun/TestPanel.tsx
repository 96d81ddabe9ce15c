import { useEffect, useMemo, useRef, useState } from "react";
import type { DryRun, Event } from "../api/schema";
import { api } from "../api/session";
import { asApiError } from "../api/useLoaded";
import type { JsonObject } from "../base/json";
import { isObject, objectFrom } from "../base/json";
import { statusWord } from "../canvas/painting";
import { triggersOf } from "../config/triggers";
import { toJson } from "../document/read";
import { dataSchema } from "../expressions/eventData";
import type { EditorStore } from "../editor/store";
import { useEditor, useEditorContext, useHost } from "../editor/store";
import { announce } from "../shell/notices";
import { ago } from "../shell/times";
import { Button, IconButton } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";
import { EventDataField } from "./EventDataField";
import { eventSchema } from "./eventSchema";
import { runLive } from "./live";
import { paintDryRun, paintLive } from "./paint";
import type { Part } from "./part";
import { merged, partOf } from "./part";
import { PartField } from "./PartField";
import { readStubs, writeStubs } from "./stubs";
import type { Stubs } from "./stubs";
import { TestResult } from "./TestResult";
import "./testrun.css";
import { t } from "../locale/locale";

const PAST_EVENTS = 10;

/** Tries the draft with an event: nothing that reaches the world is executed, and nothing is stored. */
export function TestPanel(): React.JSX.Element {
  const { store } = useEditorContext();
  const workflowId = useEditor((state) => state.workflowId);
  const document = useEditor((state) => state.history.present);
  const [name, setName] = useState(() => firstEvent(triggersOf(document)));
  const [text, setText] = useState("{}");
  const [sample, setSample] = useState<JsonObject | undefined>(undefined);
  const [part, setPart] = useState<Part>(() => ({ extent: "all", step: firstStep(store) }));
  const [stubs, setStubs] = useState<Stubs>(() => readStubs(workflowId));
  const [result, setResult] = useState<DryRun | undefined>(undefined);
  const [error, setError] = useState<readonly string[]>([]);
  const [isBusy, setBusy] = useState(false);
  const stop = useRef<AbortController>(undefined);
  const host = useHost();
  const { isEmbedded } = host;
  const past = usePastEvents(isEmbedded ? "" : name);
  const data = objectFrom(text);
  // A form that is told from the data must not lose a field while that is emptied.
  const events = useEditor((state) => state.possible.events);
  const declared = useMemo(() => dataSchema(document, events, name), [document, events, name]);
  const schema = useMemo(() => eventSchema(declared, sample), [declared, sample]);
  const choices = document.actions.map((action) => ({ id: action.id, name: action.name ?? action.id }));
  useEffect(() => {
    store.getState().canvas?.fit(); // the panel would cover a part of it
    return () => {
      stop.current?.abort();
      store.setState({ painting: undefined });
    };
  }, [store]);
  const tellHost = (status: string): void => host.tell("run", { workflowId, runId: undefined, status });

  const run = async (used: Stubs): Promise<void> => {
    if (data === undefined) return;
    stop.current?.abort();
    const mine = new AbortController();
    stop.current = mine;
    setBusy(true);
    tellHost("running");
    const written = toJson(document);
    try {
      const event = name === "" ? { data } : { name, data };
      const scope = partOf(part, used, result);
      const told = await runLive(
        workflowId,
        { document: written, event, stubs: used, ...scope },
        {
          signal: mine.signal,
          onStates: (states) => store.setState({ painting: paintLive(states, document, written) }),
        },
      );
      if (told === undefined) return; // stopped, or another one has begun
      const made = part.extent === "only" ? merged(result, told) : told;
      setResult(made);
      setError([]);
      store.setState({ painting: paintDryRun(made, document, written) });
      announce(t("The test run: {status}", { status: statusWord(made.status) }));
      tellHost(told.status);
    } catch (reason) {
      if (mine.signal.aborted) return;
      const failure = asApiError(reason);
      tellHost("failed");
      setResult(undefined);
      store.setState({ painting: undefined });
      setError([failure.message, ...failure.problems.map(({ pointer, message }) => `${pointer}: ${message}`)]);
    }
    setBusy(false);
  };
  const stopRun = (): void => {
    stop.current?.abort();
    setBusy(false);
    store.setState({ painting: undefined });
    announce(t("The test run was stopped."));
    tellHost("cancelled");
  };
  const change = (changed: Stubs): void => {
    setStubs(changed);
    writeStubs(workflowId, changed);
    void run(changed);
  };
  return (
    <section className="side-content" aria-label={t("Test run")}>
      <header className="side-header">
        <h2>{t("Test run")}</h2>
        <IconButton icon="x" label={t("Close")} onClick={() => store.getState().show("none")} />
      </header>
      <div className="testrun">
        <p className="muted">{t("Conditions and references are real. What would reach the world is not executed.")}</p>
        <PastEvents
          events={past}
          onChoose={(event) => {
            setName(event.name);
            setText(JSON.stringify(event.data, null, 2));
            setSample(isObject(event.data) ? event.data : undefined);
          }}
        />
        <label className="field">
          <span className="field-label">{t("Event")}</span>
          <input
            className="input"
            data-testid="test-event"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <EventDataField
          text={text}
          data={data}
          schema={schema}
          isDeclared={eventSchema(declared, undefined) !== undefined}
          onText={(written) => {
            setText(written);
            setSample(objectFrom(written));
          }}
          onForm={(changed) => setText(JSON.stringify(changed, null, 2))}
        />
        <PartField part={part} steps={choices} onChange={setPart} />
        <div className="row">
          <Button
            look="primary"
            icon="play"
            testId="test-run"
            disabled={isBusy || data === undefined}
            onClick={() => void run(stubs)}
          >
            {t("Run")}
          </Button>
          {isBusy && (
            <Button icon="stop" testId="test-stop" onClick={stopRun}>
              {t("Stop")}
            </Button>
          )}
        </div>
        {error.length > 0 && (
          <div className="callout callout-error" role="alert">
            <Icon name="alert" />
            <div>
              {error.map((line) => (
                <p key={line}>{line}</p>
              ))}
            </div>
          </div>
        )}
        {result !== undefined && <TestResult result={result} stubs={stubs} onStubs={change} />}
      </div>
    </section>
  );
}

interface PastEventsProps {
  readonly events: readonly Event[];
  readonly onChoose: (event: Event) => void;
}

function PastEvents({ events, onChoose }: PastEventsProps): React.JSX.Element | null {
  if (events.length === 0) return null;
  return (
    <label className="field">
      <span className="field-label">{t("Take a past event")}</span>
      <select
        className="input"
        data-testid="test-past"
        value=""
        onChange={(change) => {
          const chosen = events.find(({ id }) => id === change.target.value);
          if (chosen !== undefined) onChoose(chosen);
        }}
      >
        <option value="">{t("Choose one")}</option>
        {events.map((event) => (
          <option key={event.id} value={event.id}>
            {event.name}, {ago(event.received_at)}
          </option>
        ))}
      </select>
    </label>
  );
}

function usePastEvents(name: string): readonly Event[] {
  const [events, setEvents] = useState<readonly Event[]>([]);
  useEffect(() => {
    let isWanted = true;
    if (name === "" || name.includes("*")) return undefined;
    api.events(name, PAST_EVENTS).then(
      ({ items }) => isWanted && setEvents(items),
      // Then there are none to choose from; whatever is wrong will be told when the test is run.
      () => undefined,
    );
    return () => {
      isWanted = false;
    };
  }, [name]);
  return events;
}

/** The step that is selected, or else the first one. */
function firstStep(store: EditorStore): string {
  const { selection, history } = store.getState();
  const { actions } = history.present;
  return (actions.find(({ id }) => selection.actions.has(id)) ?? actions[0])?.id ?? "";
}

function firstEvent(triggers: readonly JsonObject[]): string {
  const found = triggers.map(({ event }) => event).find((event) => typeof event === "string" && !event.includes("*"));
  return typeof found === "string" ? found : "";
}
