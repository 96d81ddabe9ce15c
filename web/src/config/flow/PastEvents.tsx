import { useId, useState } from "react";
import { ApiError } from "../../api/client";
import { api } from "../../api/session";
import type { JsonObject } from "../../base/json";
import { useEditor } from "../../editor/store";
import { counted, t } from "../../locale/locale";
import { Button } from "../../shell/ui/Button";
import { LabelledField } from "../../shell/ui/LabelledField";
import type { Outcome } from "./past";
import { outcomeOf, reasonInWords } from "./past";
import { inWords } from "./values";

const SPANS = [
  [1, "Events of the last day"],
  [7, "Events of the last week"],
  [30, "Events of the last 30 days"],
] as const;
const DAY = 86_400_000;
const MOST_EVENTS = 5000;

interface Answer {
  /** The settings that it is about. */
  readonly settings: JsonObject;
  readonly outcome?: Outcome;
  readonly refusal?: string;
}

/** Puts the events of the last days through the controls as they are in the draft. Nothing is executed. */
export function PastEvents({ settings }: { readonly settings: JsonObject }): React.JSX.Element {
  const workflowId = useEditor((state) => state.workflowId);
  const [days, setDays] = useState(7);
  const [lasting, setLasting] = useState("");
  const [isAsking, setAsking] = useState(false);
  const [answer, setAnswer] = useState<Answer>();
  const id = useId();
  const ask = async (): Promise<void> => {
    setAsking(true);
    const since = new Date(Date.now() - days * DAY).toISOString();
    try {
      const runSeconds = Number.parseFloat(lasting);
      const found = await api.simulate(workflowId, {
        settings,
        since,
        limit: MOST_EVENTS,
        ...(runSeconds >= 0 ? { run_seconds: runSeconds } : {}),
      });
      setAnswer({ settings, outcome: outcomeOf(found) });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // The problems stand at their fields.
      const refusal = error.problems.length > 0 ? t("First mend what is wrong above.") : error.message;
      setAnswer({ settings, refusal });
    } finally {
      setAsking(false);
    }
  };
  // An answer about other settings would mislead.
  const shown = answer?.settings === settings ? answer : undefined;
  return (
    <section className="flow-card" aria-labelledby={`${id}-title`}>
      <h3 id={`${id}-title`}>{t("What if")}</h3>
      <p className="flow-purpose">
        {t(
          "Puts past events through these settings, as if they came again. Nothing is executed. Left out are concurrency, as it depends on how long steps take, and runs that start by hand, by a schedule or by another workflow.",
        )}
      </p>
      <LabelledField
        label={t("How many seconds a run lasts")}
        help={t("If empty, as long as the last runs of this workflow: their median.")}
      >
        <input
          className="input"
          type="number"
          min={0}
          step="any"
          value={lasting}
          onChange={({ target }) => setLasting(target.value)}
        />
      </LabelledField>
      <div className="row">
        <select
          className="input grow"
          aria-label={t("Which events")}
          value={days}
          onChange={({ target }) => setDays(Number(target.value))}
        >
          {SPANS.map(([length, label]) => (
            <option key={length} value={length}>
              {t(label)}
            </option>
          ))}
        </select>
        <Button icon="play" disabled={isAsking} onClick={() => void ask()}>
          {t("Try")}
        </Button>
      </div>
      <div role="status">
        {shown?.refusal !== undefined && <span className="field-error field-error-error">{shown.refusal}</span>}
        {shown?.outcome !== undefined && <OutcomeLines outcome={shown.outcome} />}
      </div>
    </section>
  );
}

function OutcomeLines({ outcome }: { readonly outcome: Outcome }): React.JSX.Element {
  const { events, runs, shared, cancelled, skipped, longestWait, runSeconds, measuredRuns } = outcome;
  if (events === 0)
    return <p className="flow-sentence">{t("No event of that time matches the published workflow.")}</p>;
  return (
    <div className="flow-sentence">
      {t("Of {events}, {runs} would have started.", {
        events: counted("{count} events", events),
        runs: counted("{count} runs", runs),
      })}
      <ul className="flow-outcome">
        {shared > 0 && <li>{counted("{count} events share the run of another one.", shared)}</li>}
        {cancelled > 0 && <li>{counted("{count} runs are cancelled by a later one.", cancelled)}</li>}
        {skipped.map(([reason, number]) => (
          <li key={reason}>{t("Skipped: {number} {reason}.", { number, reason: reasonInWords(reason) })}</li>
        ))}
        {longestWait >= 1 && (
          <li>{t("The longest wait for the throttle is {time}.", { time: inWords(longestWait) })}</li>
        )}
        <li>
          {measuredRuns > 0
            ? t("Each run is taken to last {time}, the median of {runs}.", {
                time: inWords(runSeconds),
                runs: counted("{count} runs", measuredRuns),
              })
            : t("Each run is taken to last {time}.", { time: inWords(runSeconds) })}
        </li>
      </ul>
    </div>
  );
}
