import { useCallback, useEffect, useState } from "react";
import { query } from "../api/client";
import type { LogLine, LogPage, RunDetail, Step } from "../api/schema";
import { api } from "../api/session";
import { usePolled } from "../api/usePolled";
import { dateLocale, t } from "../locale/locale";
import { Section } from "./parts";
import { isTerminal } from "./watch";

const PERIOD_MS = 2000;
/** Lines are written up to this long after they were logged. */
const LATE_MS = 1500;
const LEVELS = ["debug", "info", "warning", "error"] as const;
type Level = (typeof LEVELS)[number];
const CLOCK: Intl.DateTimeFormatOptions = {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hour12: false,
};

interface LogSectionProps {
  readonly run: RunDetail;
  readonly step: Step;
}

/** What the handler of a step has logged, in all attempts or one, from a level upwards; more comes while it goes on. */
export function LogSection({ run, step }: LogSectionProps): React.JSX.Element | null {
  const [level, setLevel] = useState<Level>("debug");
  const [attempt, setAttempt] = useState("");
  const { id: runId } = run;
  const { id: stepId } = step;
  const load = useCallback(() => loadLines(runId, { step: stepId, level, attempt }), [runId, stepId, level, attempt]);
  const isLive = !isTerminal(run.status) && step.finished_at === null;
  const { value: lines, error, reload } = usePolled(load, PERIOD_MS, isLive);
  useEffect(() => {
    if (isLive) return undefined;
    const timer = setTimeout(reload, LATE_MS);
    return () => clearTimeout(timer);
  }, [isLive, reload]);
  const isFiltered = level !== "debug" || attempt !== "";
  // Who may not see the log is not told of one; neither is one shown that is empty.
  if (error !== undefined || lines === undefined || (lines.length === 0 && !isFiltered)) return null;
  return (
    <Section title={t("Log")}>
      <div className="run-log-filters">
        <select
          className="input"
          aria-label={t("Level")}
          value={level}
          onChange={(event) => setLevel(event.target.value as Level)}
        >
          {LEVELS.map((name) => (
            <option key={name} value={name}>
              {name === "debug" ? t("All levels") : t("From {level}", { level: t(name) })}
            </option>
          ))}
        </select>
        {step.attempts.length > 1 && (
          <select
            className="input"
            aria-label={t("Attempt")}
            value={attempt}
            onChange={(event) => setAttempt(event.target.value)}
          >
            <option value="">{t("All attempts")}</option>
            {step.attempts.map(({ number }) => (
              <option key={number} value={number}>
                {t("Attempt {number}", { number })}
              </option>
            ))}
          </select>
        )}
      </div>
      {lines.length === 0 ? (
        <p className="muted">{t("No line is like this.")}</p>
      ) : (
        <ol className="run-log" data-testid="log">
          {lines.map((line) => (
            <Line key={line.id} line={line} stepId={stepId} />
          ))}
        </ol>
      )}
    </Section>
  );
}

function Line({ line, stepId }: { readonly line: LogLine; readonly stepId: string }): React.JSX.Element {
  const inner = line.step === stepId ? "" : line.step.slice(stepId.length + 1);
  return (
    <li className={`run-log-line run-log-${line.level}`} data-level={line.level}>
      <span className="run-log-head">
        <time dateTime={line.at}>{new Intl.DateTimeFormat(dateLocale(), CLOCK).format(new Date(line.at))}</time>
        <span className="run-log-level">{t(line.level)}</span>
        <span>#{line.attempt}</span>
        {inner !== "" && <span>{inner}</span>}
      </span>
      <span className="run-log-text">{line.message}</span>
    </li>
  );
}

interface Filter {
  readonly step: string;
  readonly level: Level;
  readonly attempt: string;
}

/** All lines: what is kept of a run is bounded. */
async function loadLines(runId: string, filter: Filter): Promise<readonly LogLine[]> {
  const all: LogLine[] = [];
  let cursor: string | undefined;
  do {
    const path = `/runs/${encodeURIComponent(runId)}/logs${query({ ...filter, cursor, limit: "100" })}`;
    // oxlint-disable-next-line no-await-in-loop -- a page names the next one
    const page = await api.get<LogPage>(path);
    all.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return all;
}
