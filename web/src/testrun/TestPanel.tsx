import { useEffect, useState } from "react";
import type { DryRun, Event } from "../api/schema";
import { api } from "../api/session";
import { asApiError } from "../api/useLoaded";
import type { Json, JsonObject } from "../base/json";
import { isObject } from "../base/json";
import { paintDryRun } from "../canvas/painting";
import { triggersOf } from "../config/triggers";
import { toJson } from "../document/read";
import { useEditor, useEditorContext, useHost } from "../editor/store";
import { announce } from "../shell/notices";
import { ago } from "../shell/times";
import { Button, IconButton } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";
import { readStubs, writeStubs } from "./stubs";
import type { Stubs } from "./stubs";
import { TestResult } from "./TestResult";
import "./testrun.css";

const PAST_EVENTS = 10;

/** Tries the draft with an event: nothing that reaches the world is executed, and nothing is stored. */
export function TestPanel(): React.JSX.Element {
  const { store } = useEditorContext();
  const workflowId = useEditor((state) => state.workflowId);
  const document = useEditor((state) => state.history.present);
  const [name, setName] = useState(() => firstEvent(triggersOf(document)));
  const [text, setText] = useState("{}");
  const [stubs, setStubs] = useState<Stubs>(() => readStubs(workflowId));
  const [result, setResult] = useState<DryRun | undefined>(undefined);
  const [error, setError] = useState<readonly string[]>([]);
  const [isBusy, setBusy] = useState(false);
  const { isEmbedded } = useHost();
  const past = usePastEvents(isEmbedded ? "" : name);
  const data = objectFrom(text);
  useEffect(() => {
    store.getState().canvas?.fit(); // the panel would cover a part of it
    return () => store.setState({ painting: undefined });
  }, [store]);

  const run = async (used: Stubs): Promise<void> => {
    if (data === undefined) return;
    setBusy(true);
    const written = toJson(document);
    try {
      const event = name === "" ? { data } : { name, data };
      const made = await api.dryRun(workflowId, { document: written, event, stubs: used });
      setResult(made);
      setError([]);
      store.setState({ painting: paintDryRun(made, document, written) });
      announce(`The test run is ${made.status}`);
    } catch (reason) {
      const failure = asApiError(reason);
      setResult(undefined);
      store.setState({ painting: undefined });
      setError([failure.message, ...failure.problems.map(({ pointer, message }) => `${pointer}: ${message}`)]);
    }
    setBusy(false);
  };
  const change = (changed: Stubs): void => {
    setStubs(changed);
    writeStubs(workflowId, changed);
    void run(changed);
  };
  return (
    <section className="side-content" aria-label="Test run">
      <header className="side-header">
        <h2>Test run</h2>
        <IconButton icon="x" label="Close" onClick={() => store.getState().show("none")} />
      </header>
      <div className="testrun">
        <p className="muted">Conditions and references are real. What would reach the world is not executed.</p>
        <PastEvents
          events={past}
          onChoose={(event) => {
            setName(event.name);
            setText(JSON.stringify(event.data, null, 2));
          }}
        />
        <label className="field">
          <span className="field-label">Event</span>
          <input
            className="input"
            data-testid="test-event"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <label className="field">
          <span className="field-label">Data</span>
          <textarea
            className="input mono"
            spellCheck={false}
            data-testid="test-data"
            aria-invalid={data === undefined}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          {data === undefined && <span className="field-error">This has to be a JSON object.</span>}
        </label>
        <div>
          <Button
            look="primary"
            icon="play"
            testId="test-run"
            disabled={isBusy || data === undefined}
            onClick={() => void run(stubs)}
          >
            Run
          </Button>
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
      <span className="field-label">Take a past event</span>
      <select
        className="input"
        data-testid="test-past"
        value=""
        onChange={(change) => {
          const chosen = events.find(({ id }) => id === change.target.value);
          if (chosen !== undefined) onChoose(chosen);
        }}
      >
        <option value="">Choose one</option>
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

function firstEvent(triggers: readonly JsonObject[]): string {
  const found = triggers.map(({ event }) => event).find((event) => typeof event === "string" && !event.includes("*"));
  return typeof found === "string" ? found : "";
}

function objectFrom(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text.trim() === "" ? "{}" : text) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
