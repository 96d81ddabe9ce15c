import { useState } from "react";
import type { Attempt, InnerStep, RunDetail, Step } from "../api/schema";
import { counted, t } from "../locale/locale";
import { duration, fullTime } from "../shell/times";
import { Button, IconButton } from "../shell/ui/Button";
import { JsonTree } from "../shell/ui/JsonTree";
import { LogSection } from "./LogSection";
import { Facts, Failure, RunLinks, Section } from "./parts";
import { RerunDialog } from "./RerunDialog";
import { SkipWait } from "./SkipWait";
import { Status } from "./Status";
import { owns, waitWords } from "./waterfall";
import { outcomeText, reasonText } from "./words";

interface StepDetailProps {
  readonly run: RunDetail;
  readonly step: Step;
  readonly onClose: () => void;
}

/** One step of a run: what it was given, what it returned, each attempt, and what it waits for. */
export function StepDetail({ run, step, onClose }: StepDetailProps): React.JSX.Element {
  const [isRerunning, setRerunning] = useState(false);
  const children = run.children.filter((child) => owns(step, child));
  return (
    <div className="run-detail" data-testid="step-detail">
      <header className="run-detail-head">
        <h2>{step.name}</h2>
        <Status status={step.status} />
        <span className="grow" />
        <IconButton icon="x" label={t("Close")} onClick={onClose} />
      </header>
      <p className="muted">
        {step.kind} · <code>{step.id}</code>
      </p>
      {step.reason !== null && (
        <p className="callout" data-testid="step-reason">
          {reasonText(step.reason)}
        </p>
      )}
      {step.error !== null && <Failure error={step.error} />}
      {step.is_handled && <p className="muted">{t("The workflow provides for this failure: the run went on.")}</p>}
      <Facts facts={timesOf(step)} />
      {step.inner.length > 0 && (
        <Section title={t("What it did and waits for")}>
          <ul className="run-inner">
            {step.inner.map((inner) => (
              <InnerLine key={inner.id} runId={run.id} step={step} inner={inner} />
            ))}
          </ul>
        </Section>
      )}
      {step.attempts.length > 0 && (
        <Section title={counted("{count} attempts", step.attempts.length)}>
          <ol className="run-attempts">
            {step.attempts.map((attempt) => (
              <AttemptLine key={attempt.number} attempt={attempt} />
            ))}
          </ol>
        </Section>
      )}
      <LogSection run={run} step={step} />
      {step.inputs !== null && (
        <Section title={t("Input")}>
          <JsonTree value={step.inputs} label={t("the input")} />
        </Section>
      )}
      {step.finished_at !== null && step.attempts.length > 0 && (
        <Section title={t("Output")}>
          <JsonTree value={step.output} label={t("the output")} />
        </Section>
      )}
      {children.length > 0 && (
        <Section title={t("Runs that it began")}>
          <RunLinks runs={children} />
        </Section>
      )}
      {run.path === null && step.finished_at !== null && step.attempts.length > 0 && (
        <Button icon="redo" testId="rerun-from" onClick={() => setRerunning(true)}>
          {t("Run again from here")}
        </Button>
      )}
      {isRerunning && <RerunDialog run={run} step={step} onClose={() => setRerunning(false)} />}
    </div>
  );
}

function timesOf(step: Step): readonly (readonly [string, string])[] {
  const times: (readonly [string, string])[] = [];
  if (step.started_at !== null) times.push([t("Started"), fullTime(step.started_at)]);
  if (step.finished_at !== null) times.push([t("Ended"), fullTime(step.finished_at)]);
  if (step.due_at !== null && step.status !== "running") times.push([t("Until"), fullTime(step.due_at)]);
  return times;
}

interface InnerLineProps {
  readonly runId: string;
  readonly step: Step;
  readonly inner: InnerStep;
}

function InnerLine({ runId, step, inner }: InnerLineProps): React.JSX.Element {
  return (
    <li data-testid={`inner-${inner.id}`}>
      <div className="row">
        <span className="grow">{inner.id.slice(step.id.length + 1)}</span>
        <Status status={inner.status} />
      </div>
      {inner.type !== "code" && (
        <p className="muted">
          {waitWords(inner)}
          {inner.until !== null && <> {t("until {time}", { time: fullTime(inner.until) })}</>}
        </p>
      )}
      {inner.finished_at === null && <SkipWait runId={runId} inner={inner} />}
      {inner.condition !== null && <code className="run-condition">{inner.condition}</code>}
      {inner.error !== null && <Failure error={inner.error} />}
      {inner.output !== null && <JsonTree value={inner.output} label={t("the output of {name}", { name: inner.id })} />}
    </li>
  );
}

function AttemptLine({ attempt }: { readonly attempt: Attempt }): React.JSX.Element {
  const took =
    attempt.finished_at === null ? "" : duration(Date.parse(attempt.finished_at) - Date.parse(attempt.started_at));
  return (
    <li>
      <div className="row">
        <span className="grow">
          {attempt.number}. {outcomeText(attempt.outcome)}
        </span>
        <span className="muted" title={fullTime(attempt.started_at)}>
          {took}
        </span>
      </div>
      {attempt.error !== null && <p className="run-error-text">{attempt.error.message}</p>}
      {attempt.retry_at !== null && (
        <p className="muted">{t("The next attempt: {time}", { time: fullTime(attempt.retry_at) })}</p>
      )}
    </li>
  );
}
