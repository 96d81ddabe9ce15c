import { Suspense, lazy, useCallback, useState } from "react";
import type { Run } from "../api/schema";
import { api, useMay } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import { pathTo, useAddress } from "../shell/routes";
import { duration } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { ListPage } from "../shell/ui/ListPage";
import { QueryField, QuerySelect } from "../shell/ui/QueryField";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";
import type { BulkFilter } from "./BulkDialog";
import { JobsBar } from "./JobsBar";
import { Status } from "./Status";

const BulkDialog = lazy(() => import("./BulkDialog").then((module) => ({ default: module.BulkDialog })));

const STATUSES = ["scheduled", "queued", "running", "waiting", "completed", "failed", "cancelled"] as const;

const HOUR_MS = 3_600_000;
const SPANS: Readonly<Record<string, { readonly label: string; readonly hours: number }>> = {
  "1h": { label: "Last hour", hours: 1 },
  "24h": { label: "Last day", hours: 24 },
  "7d": { label: "Last 7 days", hours: 7 * 24 },
};

const COLUMNS: readonly Column<Run>[] = [
  { head: "Status", cell: (run) => <Status status={run.status} /> },
  {
    head: "Workflow",
    cell: (run) => (
      <>
        <Link className="table-link" href={sourceOf(run.workflow_id)}>
          {run.workflow_id}
        </Link>{" "}
        <span className="muted">v{run.version}</span>
      </>
    ),
  },
  {
    head: "Run",
    className: "mono",
    cell: (run) => (
      <Link className="table-link" href={pathTo("runs", run.id)}>
        {run.id}
      </Link>
    ),
  },
  { head: "Begun", cell: (run) => <Ago time={run.created_at} /> },
  { head: "Took", className: "table-time", cell: took },
];

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
    <ListPage
      title="Runs"
      error={error}
      onReload={reload}
      isEmpty={page === undefined}
      actions={
        <>
          <QuerySelect label="Status" name="status" value={status} none="Any status" options={STATUSES} />
          <QuerySelect
            label="Time"
            name="since"
            value={since}
            none="Any time"
            options={Object.keys(SPANS)}
            labelOf={(name) => SPANS[name]?.label ?? name}
          />
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
        </>
      }
    >
      <JobsBar begun={begun} onDone={reload} />
      {page !== undefined && (
        <Table
          label="Runs"
          columns={COLUMNS}
          items={page.items}
          keyOf={({ id }) => id}
          empty="No run is like this."
          nextCursor={page.next_cursor}
        />
      )}
      {bulk !== undefined && (
        <Suspense>
          <BulkDialog
            filter={bulk}
            onClose={() => setBulk(undefined)}
            onBegun={(jobId) => setBegun((old) => [...old, jobId])}
          />
        </Suspense>
      )}
    </ListPage>
  );
}

function took({ started_at: started, finished_at: finished }: Run): string {
  return started === null || finished === null ? "—" : duration(Date.parse(finished) - Date.parse(started));
}

/** The editor of a workflow; functions of applications have none, but a list. */
function sourceOf(workflowId: string): string {
  const [app = "", name] = workflowId.split("/");
  return name === undefined
    ? pathTo("workflows", workflowId)
    : `${pathTo("functions")}?${new URLSearchParams({ app }).toString()}`;
}
