import type { RefObject } from "react";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Event } from "../api/schema";
import { api } from "../api/session";
import { isObject, objectFrom } from "../base/json";
import { dataSchema } from "../expressions/eventData";
import { useEditor, useEditorContext, useHost } from "../editor/store";
import { Button, IconButton } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";
import { stepName } from "../document/names";
import { EventDataField } from "./EventDataField";
import { eventSchema } from "./eventSchema";
import { PartField } from "./PartField";
import { pastLabel } from "./past";
import { PinList } from "./PinList";
import {
  changeTestData,
  changeTestRun,
  keepStubs,
  openTestRun,
  paintTestRun,
  startTestRun,
  stopTestRun,
} from "./running";
import type { TestRun } from "./running";
import type { Stubs } from "./stubs";
import { TestResult } from "./TestResult";
import "./testrun.css";
import { t } from "../locale/locale";

const PAST_EVENTS = 10;
/** Above what is scrolled to. */
const GAP_PX = 8;

/** Tries the draft with an event: nothing that reaches the world is executed, and nothing is stored. */
export function TestPanel(): React.JSX.Element {
  const { store } = useEditorContext();
  const document = useEditor((state) => state.history.present);
  const left = useEditor((state) => state.testRun);
  const testRun = useMemo(() => left ?? openTestRun(store), [left, store]);
  const { name, text, sample, part, stubs, result, error, going } = testRun;
  const host = useHost();
  const past = usePastEvents(host.isEmbedded ? "" : name);
  const data = objectFrom(text);
  const events = useEditor((state) => state.possible.events);
  const declared = useMemo(() => dataSchema(document, events, name), [document, events, name]);
  const schema = useMemo(() => eventSchema(declared, sample), [declared, sample]);
  const names = useEditor((state) => state.catalogue.names);
  const choices = document.actions.map((action) => ({ id: action.id, name: stepName(action, names) }));
  useEffect(() => {
    store.setState({ testRun: openTestRun(store) });
    paintTestRun(store);
    store.getState().canvas?.fit(false); // the panel would cover a part of it
    return () => {
      // Another panel has taken its place: what the run came to stays on the canvas. Closing it is the end of it.
      if (store.getState().panel !== "none") return;
      store.getState().testRun?.going?.abort();
      changeTestRun(store, { going: undefined });
      store.setState({ painting: undefined });
    };
  }, [store]);
  const outcome = useOutcomeInView(result, error);
  const run = (used: Stubs): void => void startTestRun(store, host, used);
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
          onChoose={(event) =>
            changeTestData(store, {
              name: event.name,
              text: JSON.stringify(event.data, null, 2),
              sample: isObject(event.data) ? event.data : undefined,
            })
          }
        />
        <label className="field">
          <span className="field-label">{t("Event")}</span>
          <input
            className="input"
            data-testid="test-event"
            value={name}
            onChange={(event) => changeTestRun(store, { name: event.target.value })}
          />
        </label>
        <EventDataField
          text={text}
          data={data}
          schema={schema}
          isFormFirst={testRun.isProposed || eventSchema(declared, undefined) !== undefined}
          onText={(written) => changeTestData(store, { text: written, sample: objectFrom(written) })}
          onForm={(changed) => changeTestData(store, { text: JSON.stringify(changed, null, 2) })}
        />
        <PartField part={part} steps={choices} onChange={(chosen) => changeTestRun(store, { part: chosen })} />
        <PinList stubs={stubs} steps={choices} onStubs={(kept) => keepStubs(store, kept)} />
        <div className="row">
          <Button
            look="primary"
            icon="play"
            testId="test-run"
            disabled={going !== undefined || data === undefined}
            onClick={() => run(stubs)}
          >
            {t("Run")}
          </Button>
          {going !== undefined && (
            <Button icon="stop" testId="test-stop" onClick={() => stopTestRun(store, host)}>
              {t("Stop")}
            </Button>
          )}
        </div>
        <div ref={outcome} className="stack">
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
          {result !== undefined && (
            <TestResult
              result={result}
              stubs={stubs}
              onStubs={run}
              onUnpin={(kept) => {
                keepStubs(store, kept);
                run(kept);
              }}
            />
          )}
        </div>
      </div>
    </section>
  );
}

/** Scrolls the panel to what a run has come to, when it has: it begins below what was filled in. */
function useOutcomeInView(result: TestRun["result"], error: TestRun["error"]): RefObject<HTMLDivElement | null> {
  const outcome = useRef<HTMLDivElement>(null);
  const seen = useRef({ result, error });
  useEffect(() => {
    const isNew = seen.current.result !== result || seen.current.error !== error;
    seen.current = { result, error };
    const box = outcome.current;
    const panel = box?.parentElement;
    if (!isNew || (result === undefined && error.length === 0) || !box || !panel) return;
    // Not `scrollIntoView`: it would move the page around an embedded editor, too.
    panel.scrollTop += box.getBoundingClientRect().top - panel.getBoundingClientRect().top - GAP_PX;
  }, [result, error]);
  return outcome;
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
            {pastLabel(event)}
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
