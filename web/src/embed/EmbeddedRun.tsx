import { useCallback, useEffect, useMemo, useState } from "react";
import type { RunDetail, Step } from "../api/schema";
import { useLoaded } from "../api/useLoaded";
import { paintRun, shownStatus, statusWord } from "../canvas/painting";
import { SOURCE } from "../document/types";
import "../editor/editor.css";
import type { Tell } from "../editor/host";
import { t, withPageWords } from "../locale/locale";
import { loadGraph } from "../runs/graph";
import { PaintedCanvas } from "../runs/PaintedCanvas";
import { withStepNames } from "../runs/stepNames";
import { useNow, useRun } from "../runs/useRun";
import { isTerminal } from "../runs/watch";
import "../runs/runs.css";
import { Boundary, later } from "../shell/later";
import { duration, fullTime } from "../shell/times";
import { IconButton } from "../shell/ui/Button";
import { JsonTree } from "../shell/ui/JsonTree";
import { toldOf } from "./decided";
import { EmbedPage, NotShown } from "./EmbedPage";

const StepApprovals = later(() =>
  withPageWords(() => import("../approvals/StepApprovals")).then((module) => module.StepApprovals),
);

interface EmbeddedRunProps {
  readonly runId: string;
  readonly mayDecide: boolean;
  readonly tell: Tell;
}

/** A run inside a host's page, on the graph of the version that it executes, as it goes on. */
export function EmbeddedRun({ runId, mayDecide, tell }: EmbeddedRunProps): React.JSX.Element {
  const { run, error, refresh } = useRun(runId);
  const status = run?.status;
  const workflowId = run?.workflow_id ?? "";
  useEffect(() => {
    if (status !== undefined) tell("run", { workflowId, runId, status });
  }, [workflowId, runId, status, tell]);
  useEffect(() => {
    if (error !== undefined) tell("error", { code: error.code, message: error.message });
  }, [error, tell]);
  return (
    <EmbedPage>
      {run !== undefined && <LoadedRun run={run} tell={mayDecide ? tell : undefined} staleness={error?.message} />}
      {run === undefined && error === undefined && <p className="page-loading">{t("Loading…")}</p>}
      {run === undefined && error !== undefined && (
        <NotShown
          title={error.status === 404 ? t("There is no such run") : t("The run cannot be shown")}
          error={error}
          onRetry={refresh}
        />
      )}
    </EmbedPage>
  );
}

interface LoadedRunProps {
  readonly run: RunDetail;
  /** Who is told of decisions; without anybody there are none. */
  readonly tell: Tell | undefined;
  /** Why what is shown may be out of date. */
  readonly staleness: string | undefined;
}

function LoadedRun({ run: told, tell, staleness }: LoadedRunProps): React.JSX.Element {
  const { workflow_id, version, path } = told;
  const load = useCallback(() => loadGraph({ workflow_id, version, path }), [workflow_id, version, path]);
  const { value: graph } = useLoaded(load);
  const run = useMemo(() => withStepNames(told, graph), [told, graph]);
  const [selected, setSelected] = useState<string | undefined>(undefined);
  const painting = useMemo(
    () => (graph === undefined ? undefined : paintRun(run, graph.scope, graph.graph, graph.written)),
    [graph, run],
  );
  const step = run.steps.find(({ id }) => id === selected);
  return (
    <main className="embed-run">
      <RunBar run={run} name={graph?.document.name ?? workflow_id} />
      {staleness !== undefined && (
        <p className="callout callout-error" role="alert">
          {t("This may be out of date: {reason}", { reason: staleness })}
        </p>
      )}
      <div className="embed-run-main">
        {graph !== undefined && painting !== undefined && (
          <PaintedCanvas graph={graph} painting={painting} selected={selected} onSelect={setSelected} />
        )}
        {(step !== undefined || selected === SOURCE) && (
          <aside className="run-side" aria-label={t("Details")} data-testid="run-side">
            {step === undefined ? (
              <Beginning run={run} onClose={() => setSelected(undefined)} />
            ) : (
              <StepFacts key={step.id} run={run} step={step} tell={tell} onClose={() => setSelected(undefined)} />
            )}
          </aside>
        )}
      </div>
    </main>
  );
}

function RunBar({ run, name }: { readonly run: RunDetail; readonly name: string }): React.JSX.Element {
  const now = useNow(!isTerminal(run.status));
  const begunAt = run.started_at === null ? undefined : Date.parse(run.started_at);
  const endedAt = run.finished_at === null ? now : Date.parse(run.finished_at);
  return (
    <header className="topbar">
      <h2 className="embed-run-name">{name}</h2>
      <span className={`status status-${run.status}`} role="status" data-testid="run-status">
        {statusWord(run.status)}
      </span>
      <span className="grow" />
      {begunAt !== undefined && (
        <span className="muted" title={fullTime(run.created_at)}>
          {duration(Math.max(0, endedAt - begunAt))}
        </span>
      )}
    </header>
  );
}

interface PartProps {
  readonly onClose: () => void;
}

/** With what a run began, and what it came to. */
function Beginning({ run, onClose }: PartProps & { readonly run: RunDetail }): React.JSX.Element {
  return (
    <div className="run-detail">
      <header className="run-detail-head">
        <h2 className="grow">{t("Event")}</h2>
        <IconButton icon="x" label={t("Close")} onClick={onClose} />
      </header>
      <p className="muted">{run.event.name}</p>
      <JsonTree value={run.event.data} label={t("Event")} />
      {run.error !== null && <p className="callout callout-error">{run.error.message}</p>}
      {run.status === "completed" && <Value title={t("Output")} value={run.output} />}
    </div>
  );
}

interface StepFactsProps extends PartProps {
  readonly run: RunDetail;
  readonly step: Step;
  readonly tell: Tell | undefined;
}

/** What is to be known of a step, and what it asks people. */
function StepFacts({ run, step, tell, onClose }: StepFactsProps): React.JSX.Element {
  const status = shownStatus(step);
  const error = status === "retrying" ? (step.attempts.at(-1)?.error ?? null) : step.error;
  return (
    <div className="run-detail" data-testid="step-detail">
      <header className="run-detail-head">
        <h2>{step.name}</h2>
        <span className={`status status-${status}`}>{statusWord(status)}</span>
        <span className="grow" />
        <IconButton icon="x" label={t("Close")} onClick={onClose} />
      </header>
      {step.started_at !== null && <p className="muted">{fullTime(step.started_at)}</p>}
      {error !== null && <p className="callout callout-error">{error.message}</p>}
      {tell !== undefined && step.inner.some(({ type }) => type === "approval") && (
        <Boundary>
          <StepApprovals run={run} step={step} mayDecide onDecided={(decided) => tell("decided", toldOf(decided))} />
        </Boundary>
      )}
      {step.inputs !== null && <Value title={t("Input")} value={step.inputs} />}
      {step.status === "completed" && <Value title={t("Output")} value={step.output} />}
    </div>
  );
}

function Value({ title, value }: { readonly title: string; readonly value: Step["output"] }): React.JSX.Element {
  return (
    <section className="run-section">
      <h3>{title}</h3>
      <JsonTree value={value} label={title} />
    </section>
  );
}
