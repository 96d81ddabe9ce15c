import { useState } from "react";
import type { Attempt, Step } from "../api/schema";
import { counted, t } from "../locale/locale";
import { duration, fullTime } from "../shell/times";
import { Facts, Failure, Section } from "./parts";
import { outcomeText } from "./words";

/** The attempts of a step: one of them is looked at, the last one first. */
export function AttemptSection({ step }: { readonly step: Step }): React.JSX.Element {
  const { attempts } = step;
  const [chosen, setChosen] = useState<number | undefined>(undefined);
  const shown = attempts.find(({ number }) => number === chosen) ?? attempts.at(-1);
  return (
    <Section title={counted("{count} attempts", attempts.length)}>
      {attempts.length > 1 && (
        <div className="attempt-choice" role="group" aria-label={t("Attempts")}>
          {attempts.map((attempt) => (
            <button
              key={attempt.number}
              type="button"
              className={`tag attempt-${attempt.error === null ? "well" : "badly"}`}
              aria-pressed={attempt === shown}
              data-testid={`attempt-${attempt.number}`}
              onClick={() => setChosen(attempt.number)}
            >
              {attempt.number}. {outcomeText(attempt.outcome)}
            </button>
          ))}
        </div>
      )}
      {shown !== undefined && <AttemptFacts attempt={shown} />}
    </Section>
  );
}

function AttemptFacts({ attempt }: { readonly attempt: Attempt }): React.JSX.Element {
  const { started_at: started, finished_at: finished, retry_at: next, worker } = attempt;
  const facts: (readonly [string, string])[] = [
    [t("Outcome"), outcomeText(attempt.outcome)],
    [t("Began"), fullTime(started)],
  ];
  if (finished !== null) facts.push([t("Took"), duration(Date.parse(finished) - Date.parse(started))]);
  if (next !== null) facts.push([t("The next attempt"), fullTime(next)]);
  if (worker !== null) facts.push([t("Worker"), worker]);
  return (
    <div data-testid="attempt">
      <Facts facts={facts} />
      {attempt.error !== null && <Failure error={attempt.error} />}
    </div>
  );
}
