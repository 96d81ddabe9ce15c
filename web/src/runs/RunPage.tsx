import { useCallback, useMemo, useRef } from "react";
import { useLoaded } from "../api/useLoaded";
import type { ApiError } from "../api/client";
import type { RunDetail } from "../api/schema";
import { paintRun } from "../canvas/painting";
import { SOURCE } from "../document/types";
import { t } from "../locale/locale";
import { pathTo, setQuery, useAddress } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { attemptsOf, loadGraph, sourcesOf } from "./graph";
import { PaintedCanvas } from "./PaintedCanvas";
import { RunHeader } from "./RunHeader";
import { RunOverview } from "./RunOverview";
import { RunSummary } from "./RunSummary";
import { StepDetail } from "./StepDetail";
import { withStepNames } from "./stepNames";
import { useDetailsInView } from "./useDetailsInView";
import { useNow, useRun } from "./useRun";
import { isTerminal } from "./watch";
import { waterfallOf } from "./waterfall";
import { WaterfallChart } from "./WaterfallChart";
import "./runs.css";

/** One run: its graph, when what happened, and each step with everything that is known of it. */
export function RunPage({ runId }: { readonly runId: string }): React.JSX.Element {
  const watched = useRun(runId);
  const { run, error, refresh } = watched;
  if (run !== undefined) return <LoadedRun run={run} error={error} refresh={refresh} />;
  return error === undefined ? (
    <p className="page-loading">{t("Loading…")}</p>
  ) : (
    <NoRun error={error} onRetry={refresh} />
  );
}

/** Opens a step, or closes the one that is open. */
function select(step: string | undefined): void {
  setQuery({ step });
}

function close(): void {
  select(undefined);
}

interface LoadedRunProps {
  readonly run: RunDetail;
  readonly error: ApiError | undefined;
  readonly refresh: () => void;
}

function LoadedRun({ run: told, error, refresh }: LoadedRunProps): React.JSX.Element {
  const { workflow_id, version, path } = told;
  const load = useCallback(() => loadGraph({ workflow_id, version, path }), [workflow_id, version, path]);
  const { value: graph } = useLoaded(load);
  const run = useMemo(() => withStepNames(told, graph), [told, graph]);
  const now = useNow(!isTerminal(run.status));
  const painting = useMemo(
    () => (graph === undefined ? undefined : paintRun(run, graph.scope, graph.graph, graph.written)),
    [graph, run],
  );
  const waterfall = useMemo(
    () => waterfallOf(run, sourcesOf(graph, painting?.edges ?? new Map()), now),
    [run, graph, painting, now],
  );
  const selected = useAddress().query.get("step") ?? undefined;
  const step = run.steps.find(({ id }) => id === selected);
  const side = useRef<HTMLElement>(null);
  useDetailsInView(side, selected === SOURCE ? SOURCE : step?.id, graph !== undefined);
  return (
    <main className="run">
      <RunHeader run={run} now={now} onChange={refresh} />
      {error !== undefined && (
        <p className="callout callout-error run-callout" role="alert">
          {t("This may be out of date: {reason}", { reason: error.message })}
        </p>
      )}
      <RunSummary run={run} now={now} attemptsOf={(id) => (graph === undefined ? undefined : attemptsOf(graph, id))} />
      <div className="run-main">
        <div className="run-pictures">
          {graph !== undefined && painting !== undefined && (
            <PaintedCanvas graph={graph} painting={painting} selected={selected} onSelect={select} />
          )}
          <WaterfallChart waterfall={waterfall} selected={selected} onSelect={select} />
        </div>
        <aside ref={side} className="run-side" aria-label={t("Details")} data-testid="run-side">
          {step === undefined ? (
            <RunOverview run={run} onClose={selected === SOURCE ? close : undefined} />
          ) : (
            <StepDetail
              key={step.id}
              run={run}
              step={step}
              kindName={graph?.store.getState().catalogue.get(step.kind)?.action.name}
              bars={waterfall.rows.find(({ key }) => key === step.id)?.bars ?? []}
              template={graph?.graph.actions.find(({ id }) => id === step.id)?.inputs}
              onClose={close}
            />
          )}
        </aside>
      </div>
    </main>
  );
}

function NoRun({ error, onRetry }: { readonly error: ApiError; readonly onRetry: () => void }): React.JSX.Element {
  return (
    <main className="page">
      <div className="empty" role="alert">
        <h1>{error.status === 404 ? t("There is no such run") : t("The run cannot be shown")}</h1>
        {error.status !== 404 && <p>{error.message}</p>}
        <div className="row">
          <Button onClick={onRetry}>{t("Try again")}</Button>
          <Link className="button button-primary" href={pathTo("runs")}>
            {t("All runs")}
          </Link>
        </div>
      </div>
    </main>
  );
}
