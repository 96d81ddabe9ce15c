import { Suspense, lazy, useCallback, useMemo, useState } from "react";
import type { ApiError } from "../api/client";
import type { ListedRun } from "../api/schema";
import { api, useMay } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import type { Json } from "../base/json";
import { summary } from "../base/json";
import { problemText } from "../problems/words";
import { t } from "../locale/locale";
import { pathTo, pathToSource, useAddress } from "../shell/routes";
import { duration } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { ListPage } from "../shell/ui/ListPage";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";
import type { BulkFilter } from "./BulkDialog";
import { columnsOf, filterOf, filterText, isSearch } from "./filter";
import { JobsBar } from "./JobsBar";
import { LookedNote } from "./LookedNote";
import { RunFilters } from "./RunFilters";
import { SavedFilters } from "./SavedFilters";
import { Status } from "./Status";
import "./runlist.css";

const BulkDialog = lazy(() => import("./BulkDialog").then((module) => ({ default: module.BulkDialog })));

function columnsOfRuns(): readonly Column<ListedRun>[] {
  return [
    { head: t("Status"), cell: (run) => <Status status={run.status} /> },
    {
      head: t("Workflow"),
      cell: (run) => (
        <>
          <Link className="table-link" href={pathToSource(run.workflow_id)}>
            {run.workflow_name}
          </Link>{" "}
          <span className="muted">v{run.version}</span>
        </>
      ),
    },
    {
      head: t("Run id"),
      className: "mono",
      cell: (run) => (
        <Link className="table-link" href={pathTo("runs", run.id)}>
          {run.id}
        </Link>
      ),
    },
    { head: t("Begun"), cell: (run) => <Ago time={run.created_at} /> },
    { head: t("Took"), className: "table-time", cell: took },
  ];
}

/** The list of runs, newest first, filtered by what the address says. */
export function RunsPage(): React.JSX.Element {
  const { query } = useAddress();
  const cursor = query.get("cursor") ?? "";
  const columns = query.get("columns") ?? "";
  const filter = filterText(query);
  const load = useCallback(() => {
    const wanted = new URLSearchParams(filter);
    return api.runs({ ...filterOf(wanted, Date.now()), cursor }, columnsOf(wanted));
  }, [filter, cursor]);
  const { value: page, error, reload } = useLoaded(load);
  const problems = useMemo(() => problemsOf(error), [error]);
  const [begun, setBegun] = useState<readonly string[]>([]);
  const shown = useMemo(
    () => [...columnsOfRuns(), ...valueColumns(columnsOf(new URLSearchParams({ columns })))],
    [columns],
  );
  return (
    <ListPage
      title={t("Runs")}
      error={problems.size > 0 ? undefined : error}
      onReload={reload}
      isEmpty={page === undefined && error === undefined}
      actions={
        <>
          <SavedFilters query={query} />
          <Button onClick={reload}>{t("Refresh")}</Button>
          <BulkButton query={query} onBegun={(jobId) => setBegun((old) => [...old, jobId])} />
        </>
      }
    >
      <RunFilters query={query} problems={problems} />
      <JobsBar begun={begun} onDone={reload} />
      {page !== undefined && (
        <>
          <Table
            label={t("Runs")}
            columns={shown}
            items={page.items}
            keyOf={({ id }) => id}
            empty={
              page.looked.is_stopped
                ? t("None of the runs looked through so far is like this.")
                : t("No run is like this.")
            }
            nextCursor={page.looked.is_stopped ? null : page.next_cursor}
          />
          <LookedNote page={page} />
        </>
      )}
    </ListPage>
  );
}

/** What of the query is wrong, by the name of the parameter. */
function problemsOf(error: ApiError | undefined): ReadonlyMap<string, string> {
  const problems = error?.problems ?? [];
  return new Map(problems.map((problem) => [problem.pointer.replace("/query/", ""), problemText(problem)]));
}

function valueColumns(paths: readonly string[]): readonly Column<ListedRun>[] {
  return paths.map((path) => ({
    head: path,
    className: "mono table-wrap",
    cell: ({ values }) => <ValueCell value={values?.[path]} isRead={values !== null} />,
  }));
}

function ValueCell({
  value,
  isRead,
}: {
  readonly value: Json | undefined;
  readonly isRead: boolean;
}): React.JSX.Element {
  if (!isRead) return <span className="muted">{t("too large to look into")}</span>;
  return value === null || value === undefined ? <span className="muted">—</span> : <>{summary(value)}</>;
}

interface BulkButtonProps {
  readonly query: URLSearchParams;
  readonly onBegun: (jobId: string) => void;
}

/** Opens the dialog that acts on all runs of the list: unless these are fewer than a job can be told. */
function BulkButton({ query, onBegun }: BulkButtonProps): React.JSX.Element | null {
  const [bulk, setBulk] = useState<BulkFilter | undefined>(undefined);
  const isTooFine = isSearch(query);
  if (!useMay("runs:write")) return null;
  const open = (): void => {
    const { status = "", workflow_id = "", created_after = "" } = filterOf(query, Date.now());
    setBulk({ status, workflowId: workflow_id, createdAfter: created_after });
  };
  return (
    <>
      <Button
        testId="bulk-open"
        disabled={isTooFine}
        title={
          isTooFine ? t("Not of a search: only status, time and a workflow say which runs are acted on.") : undefined
        }
        onClick={open}
      >
        {t("Act on all…")}
      </Button>
      {bulk !== undefined && (
        <Suspense>
          <BulkDialog filter={bulk} onClose={() => setBulk(undefined)} onBegun={onBegun} />
        </Suspense>
      )}
    </>
  );
}

function took({ started_at: started, finished_at: finished }: ListedRun): string {
  return started === null || finished === null ? "—" : duration(Date.parse(finished) - Date.parse(started));
}
