import { useCallback, useRef, useState } from "react";
import type { Job, JobPage } from "../api/schema";
import { api } from "../api/session";
import { usePolled } from "../api/usePolled";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";
import { Button } from "../shell/ui/Button";
import { useBusy } from "../shell/useBusy";

const BUSY_MS = 1000;
const IDLE_MS = 15_000;
const LOOKED_AT = 5;

const STATES: Readonly<Record<Job["state"], Message>> = {
  running: "running",
  done: "done",
  stopped: "stopped",
};

interface JobsBarProps {
  /** Jobs to show even if they have ended before anybody could look. */
  readonly begun: readonly string[];
  /** Called when the last of them has ended: the list of runs has changed. */
  readonly onDone: () => void;
}

/** The jobs over many runs that go on, or were begun here: how far each has come. */
export function JobsBar({ begun, onDone }: JobsBarProps): React.JSX.Element | null {
  const [isBusy, setBusy] = useState(true);
  const wasBusy = useRef(false);
  const load = useCallback(async () => {
    const { items } = await api.get<JobPage>(`/jobs?limit=${LOOKED_AT}`);
    const isRunning = items.some(({ state }) => state === "running");
    setBusy(isRunning);
    // One that was begun here may have ended before the first look.
    if (!isRunning && (wasBusy.current || begun.length > 0)) onDone();
    wasBusy.current = isRunning;
    return items;
  }, [begun, onDone]);
  const { value: jobs, reload } = usePolled(load, isBusy ? BUSY_MS : IDLE_MS);
  const [dismissed, setDismissed] = useState<ReadonlySet<string>>(new Set());
  const shown =
    jobs?.filter(({ id, state }) => !dismissed.has(id) && (state === "running" || begun.includes(id))) ?? [];
  if (shown.length === 0) return null;
  return (
    <ul className="jobs" aria-label={t("Jobs")}>
      {shown.map((job) => (
        <JobLine
          key={job.id}
          job={job}
          onChange={reload}
          onDismiss={() => setDismissed(new Set([...dismissed, job.id]))}
        />
      ))}
    </ul>
  );
}

interface JobLineProps {
  readonly job: Job;
  readonly onChange: () => void;
  readonly onDismiss: () => void;
}

function JobLine({ job, onChange, onDismiss }: JobLineProps): React.JSX.Element {
  const [isBusy, begin] = useBusy();
  const isRunning = job.state === "running";
  const stop = (): void =>
    begin(async () => {
      await api.send("DELETE", `/jobs/${encodeURIComponent(job.id)}`);
      onChange();
    });
  return (
    <li className="card job" data-testid="job" data-state={job.state}>
      <span className="grow">
        {progressText(job)}
        {!isRunning && <span className="muted"> · {t(STATES[job.state])}</span>}
      </span>
      <progress
        aria-label={doneText(job)}
        max={Math.max(job.matched_count, 1)}
        value={job.state === "done" ? Math.max(job.matched_count, 1) : job.done_count}
      />
      {isRunning ? (
        <Button icon="stop" disabled={isBusy} onClick={stop}>
          {t("Stop")}
        </Button>
      ) : (
        <Button onClick={onDismiss}>{t("Dismiss")}</Button>
      )}
    </li>
  );
}

/** How far a job has come. */
function progressText(job: Job): string {
  const values = { number: job.done_count, all: job.matched_count };
  if (job.kind === "cancel") return t("{number} of {all} runs cancelled", values);
  return job.skipped.length > 0
    ? t("{number} of {all} skipped events started", values)
    : t("{number} of {all} runs repeated", values);
}

/** What it counts. */
function doneText(job: Job): string {
  if (job.kind === "cancel") return t("Runs cancelled");
  return job.skipped.length > 0 ? t("Skipped events started") : t("Runs repeated");
}
