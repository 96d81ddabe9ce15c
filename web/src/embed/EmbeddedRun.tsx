import { useCallback, useEffect, useMemo, useState } from "react";
import type { RunDetail, Step } from "../api/schema";
import { useLoaded } from "../api/useLoaded";
import { paintRun, statusWord } from "../canvas/painting";
import { SOURCE } from "../document/types";
import "../editor/editor.css";
import type { Tell } from "../editor/host";
import { t } from "../locale/locale";
import { loadGraph } from "../runs/graph";
import { PaintedCanvas } from "../runs/PaintedCanvas";
import { useNow, useRun } from "../runs/useRun";
import { isTerminal } from "../runs/watch";
import "../runs/runs.css";
import { duration, fullTime } from "../shell/times";
import { IconButton } from "../shell/ui/Button";
import { JsonTree } from "../shell/ui/JsonTree";
import { EmbedPage, NotShown } from "./EmbedPage";

/** A run inside a host's page, on the graph of the version that it executes, as it goes on. */
export function EmbeddedRun({ runId, tell }: { readonly runId: string; readonly tell: Tell }): React.JSX.Element {
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
      {run !== undefined && <LoadedRun run={run} staleness={error?.message} />}
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
  /** Why what is shown may be out of date. */
  readonly staleness: string | undefined;
}

function LoadedRun({ run, staleness }: LoadedRunProps): React.JSX.Element {
  const { workflow_id, version, path } = run;
  const load = useCallback(() => loadGraph({ workflow_id, version, path }), [workflow_id, version, path]);
  const { value: graph } = useLoaded(load);
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
              <StepFacts step={step} onClose={() => setSelected(undefined)} />
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

/** What is to be known of a step. */
function StepFacts({ step, onClose }: PartProps & { readonly step: Step }): React.JSX.Element {
  return (
    <div className="run-detail" data-testid="step-detail">
      <header className="run-detail-head">
        <h2>{step.name}</h2>
        <span className={`status status-${step.status}`}>{statusWord(step.status)}</span>
        <span className="grow" />
        <IconButton icon="x" label={t("Close")} onClick={onClose} />
      </header>
      {step.started_at !== null && <p className="muted">{fullTime(step.started_at)}</p>}
      {step.error !== null && <p className="callout callout-error">{step.error.message}</p>}
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
