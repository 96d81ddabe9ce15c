import { useState } from "react";
import type { InnerStep, RunDetail, Step } from "../api/schema";
import { useMay } from "../api/session";
import type { Json } from "../base/json";
import { isObject } from "../base/json";
import { shownStatus } from "../canvas/painting";
import { t } from "../locale/locale";
import { Boundary, later } from "../shell/later";
import { pathTo } from "../shell/routes";
import { fullTime } from "../shell/times";
import { Button, IconButton } from "../shell/ui/Button";
import { JsonTree } from "../shell/ui/JsonTree";
import { Link } from "../shell/ui/Link";
import { AttemptSection } from "./AttemptSection";
import { LogSection } from "./LogSection";
import { Facts, Failure, RunLinks, Section, hasOutput } from "./parts";
import { RerunDialog } from "./RerunDialog";
import { SkipWait } from "./SkipWait";
import { Status } from "./Status";
import { Timing } from "./Timing";
import { ValueView } from "./ValueView";
import type { Bar } from "./waterfall";
import { owns, waitWords } from "./waterfall";
import { reasonText } from "./words";

const StepApprovals = later(() => import("../approvals/StepApprovals").then((module) => module.StepApprovals));

/** An id of ours, and not of a sender. */
const OWN_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

interface StepDetailProps {
  readonly run: RunDetail;
  readonly step: Step;
  /** Its time, in parts. */
  readonly bars: readonly Bar[];
  /** What its action is called; `undefined` where that is not known. */
  readonly kindName: string | undefined;
  /** Its input as the workflow has it, with references. */
  readonly template: Json | undefined;
  readonly onClose: () => void;
}

/** One step of a run: what it was given, what it returned, each attempt, and what it waits for. */
export function StepDetail({ run, step, kindName, bars, template, onClose }: StepDetailProps): React.JSX.Element {
  const children = run.children.filter((child) => owns(step, child));
  return (
    <div className="run-detail" data-testid="step-detail">
      <header className="run-detail-head">
        <h2 tabIndex={-1}>
          <bdi>{step.name}</bdi>
        </h2>
        <Status status={shownStatus(step)} />
        <span className="grow" />
        <IconButton icon="x" label={t("Close")} onClick={onClose} />
      </header>
      <p className="muted">
        {kindName ?? step.kind} · <code>{step.id}</code>
      </p>
      {step.reason !== null && (
        <p className="callout" data-testid="step-reason">
          {reasonText(step.reason)}
        </p>
      )}
      {step.error !== null && <Failure error={step.error} />}
      {step.is_handled && <p className="muted">{t("The workflow provides for this failure: the run went on.")}</p>}
      <Asked run={run} step={step} />
      <Facts facts={timesOf(step)} />
      <Timing bars={bars} />
      {step.inner.length > 0 && (
        <Section title={t("What it did and waits for")}>
          <ul className="run-inner">
            {step.inner.map((inner) => (
              <InnerLine key={inner.id} runId={run.id} step={step} inner={inner} />
            ))}
          </ul>
        </Section>
      )}
      {step.attempts.length > 0 && <AttemptSection step={step} />}
      <LogSection run={run} step={step} />
      {step.inputs !== null && (
        <Section title={t("Input")}>
          <ValueView value={step.inputs} label={t("the input")} />
          {template !== undefined && (
            <details className="run-template" data-testid="template">
              <summary>{t("As the workflow has it")}</summary>
              <JsonTree value={template} label={t("the input as the workflow has it")} />
            </details>
          )}
        </Section>
      )}
      {step.finished_at !== null && step.attempts.length > 0 && hasOutput(step) && (
        <Section title={t("Output")}>
          <ValueView value={step.output} label={t("the output")} root={["state", step.id]} />
        </Section>
      )}
      {children.length > 0 && (
        <Section title={t("Runs that it began")}>
          <RunLinks runs={children} />
        </Section>
      )}
      <Rerun run={run} step={step} />
    </div>
  );
}

/** Runs the run again from the step on, for whoever may. */
function Rerun({ run, step }: Pick<StepDetailProps, "run" | "step">): React.JSX.Element | null {
  const [isOpen, setOpen] = useState(false);
  const mayRepeat = useMay("runs:write");
  if (!mayRepeat || run.path !== null || step.finished_at === null || step.attempts.length === 0) return null;
  return (
    <>
      <Button icon="redo" testId="rerun-from" onClick={() => setOpen(true)}>
        {t("Run again from here")}
      </Button>
      {isOpen && <RerunDialog run={run} step={step} onClose={() => setOpen(false)} />}
    </>
  );
}

/** What the step asks people, to be decided here. */
function Asked({ run, step }: Pick<StepDetailProps, "run" | "step">): React.JSX.Element | null {
  const mayDecide = useMay("approvals:decide");
  if (!step.inner.some(({ type }) => type === "approval")) return null;
  return (
    <Boundary>
      <StepApprovals run={run} step={step} mayDecide={mayDecide} />
    </Boundary>
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
      {inner.type === "event" && inner.output !== null && <MatchedEvent event={inner.output} />}
      {inner.output !== null && <JsonTree value={inner.output} label={t("the output of {name}", { name: inner.id })} />}
    </li>
  );
}

/** Leads to the event that has come. */
function MatchedEvent({ event }: { readonly event: Json }): React.JSX.Element | null {
  if (!isObject(event) || typeof event.name !== "string" || typeof event.id !== "string") return null;
  const { id, name } = event;
  // The sender's own id is no address; the list of events of this name has it.
  const href = OWN_ID.test(id)
    ? pathTo("events", id)
    : `${pathTo("events")}?${new URLSearchParams({ name }).toString()}`;
  return (
    <p>
      <Link className="table-link" href={href}>
        {t("The event that came")}
      </Link>
    </p>
  );
}
