import { Suspense, lazy, useCallback, useState } from "react";
import type { RunPage } from "../api/schema";
import { api, useMay } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import { pathTo, setQuery, useAddress } from "../shell/routes";
import { ago, duration, fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { QueryField } from "../shell/ui/QueryField";
import type { BulkFilter } from "./BulkDialog";
import { JobsBar } from "./JobsBar";

const BulkDialog = lazy(() => import("./BulkDialog").then((module) => ({ default: module.BulkDialog })));

const STATUSES = ["scheduled", "queued", "running", "waiting", "completed", "failed", "cancelled"] as const;

const HOUR_MS = 3_600_000;
const SPANS: Readonly<Record<string, { readonly label: string; readonly hours: number }>> = {
  "1h": { label: "Last hour", hours: 1 },
  "24h": { label: "Last day", hours: 24 },
  "7d": { label: "Last 7 days", hours: 7 * 24 },
};

/** The moment at which a span of time before now begins; "" for a span that is not known. */
function sinceMoment(since: string, now: number): string {
  const span = SPANS[since];
  return span === undefined ? "" : new Date(now - span.hours * HOUR_MS).toISOString();
}

/** The list of runs, newest first, filtered by what the address says. */
export function RunsPage(): React.JSX.Element {
  const { query } = useAddress();
  const status = query.get("status") ?? "";
  const workflow = query.get("workflow") ?? "";
  const cursor = query.get("cursor") ?? "";
  const since = query.get("since") ?? "";
  const load = useCallback(
    () => api.runs({ status, workflow_id: workflow, cursor, created_after: sinceMoment(since, Date.now()) }),
    [status, workflow, cursor, since],
  );
  const { value: page, error, reload } = useLoaded(load);
  const mayAct = useMay("runs:write");
  const [bulk, setBulk] = useState<BulkFilter | undefined>(undefined);
  const [begun, setBegun] = useState<readonly string[]>([]);
  return (
    <main className="page">
      <header className="page-header">
        <h1>Runs</h1>
        <select
          className="input page-filter"
          aria-label="Status"
          value={status}
          onChange={(event) => setQuery({ status: event.target.value, cursor: undefined })}
        >
          <option value="">Any status</option>
          {STATUSES.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <select
          className="input page-filter"
          aria-label="Time"
          value={since}
          onChange={(event) => setQuery({ since: event.target.value, cursor: undefined })}
        >
          <option value="">Any time</option>
          {Object.entries(SPANS).map(([name, { label }]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
        <QueryField label="Workflow id" name="workflow" value={workflow} />
        <Button onClick={reload}>Refresh</Button>
        {mayAct && (
          <Button
            testId="bulk-open"
            onClick={() => setBulk({ status, workflowId: workflow, createdAfter: sinceMoment(since, Date.now()) })}
          >
            Act on all…
          </Button>
        )}
      </header>
      <JobsBar begun={begun} onDone={reload} />
      {error !== undefined && (
        <p className="callout callout-error" role="alert">
          {error.message}
        </p>
      )}
      {page !== undefined && <RunTable page={page} />}
      {bulk !== undefined && (
        <Suspense>
          <BulkDialog
            filter={bulk}
            onClose={() => setBulk(undefined)}
            onBegun={(jobId) => setBegun((old) => [...old, jobId])}
          />
        </Suspense>
      )}
    </main>
  );
}

function RunTable({ page }: { readonly page: RunPage }): React.JSX.Element {
  if (page.items.length === 0) return <div className="empty">No run is like this.</div>;
  return (
    <div className="card">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Status</th>
            <th scope="col">Workflow</th>
            <th scope="col">Run</th>
            <th scope="col">Begun</th>
            <th scope="col">Took</th>
          </tr>
        </thead>
        <tbody>
          {page.items.map((run) => (
            <tr key={run.id}>
              <td>
                <span className={`status status-${run.status}`}>{run.status}</span>
              </td>
              <td>
                <Link className="table-link" href={sourceOf(run.workflow_id)}>
                  {run.workflow_id}
                </Link>{" "}
                <span className="muted">v{run.version}</span>
              </td>
              <td className="mono">
                <Link className="table-link" href={pathTo("runs", run.id)}>
                  {run.id}
                </Link>
              </td>
              <td title={fullTime(run.created_at)}>{ago(run.created_at)}</td>
              <td>
                {run.started_at !== null && run.finished_at !== null ? took(run.started_at, run.finished_at) : "—"}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {page.next_cursor !== null && (
        <footer className="card-footer">
          <Button onClick={() => setQuery({ cursor: page.next_cursor ?? undefined })}>Older</Button>
        </footer>
      )}
    </div>
  );
}

function took(startedAt: string, finishedAt: string): string {
  return duration(new Date(finishedAt).getTime() - new Date(startedAt).getTime());
}

/** The editor of a workflow; functions of applications have none, but a list. */
function sourceOf(workflowId: string): string {
  const [app = "", name] = workflowId.split("/");
  return name === undefined
    ? pathTo("workflows", workflowId)
    : `${pathTo("functions")}?${new URLSearchParams({ app }).toString()}`;
}
