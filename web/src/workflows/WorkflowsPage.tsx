import { Suspense, lazy, useCallback, useState } from "react";
import { asApiError, useLoaded } from "../api/useLoaded";
import { api, useMay } from "../api/session";
import type { ListedWorkflow, Pause } from "../api/schema";
import { notify } from "../shell/notices";
import { pathTo } from "../shell/routes";
import { ago, fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import type { MenuItem } from "../shell/ui/Menu";
import { Menu } from "../shell/ui/Menu";
import { LastRuns } from "./LastRuns";
import "./workflows.css";

const NewWorkflowDialog = lazy(() =>
  import("./NewWorkflowDialog").then((module) => ({ default: module.NewWorkflowDialog })),
);

const LAST_RUNS = 5;

/** All pages of the list: there are seldom more than a few hundred workflows. */
async function loadAll(lastRuns: number): Promise<readonly ListedWorkflow[]> {
  const all: ListedWorkflow[] = [];
  let cursor: string | undefined;
  do {
    // oxlint-disable-next-line no-await-in-loop -- a page names the next one
    const page = await api.workflows({ cursor, lastRuns });
    all.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return all.toSorted((left, right) => right.updated_at.localeCompare(left.updated_at));
}

function loadPauses(): Promise<readonly Pause[]> {
  return api.pauses();
}

/** The list of workflows: find one, open it, switch it on and off, make a new one. */
export function WorkflowsPage(): React.JSX.Element {
  const lastRuns = useMay("runs:read") ? LAST_RUNS : 0;
  const { value: workflows, error, reload } = useLoaded(useCallback(async () => loadAll(lastRuns), [lastRuns]));
  const { value: pauses, reload: reloadPauses } = useLoaded(loadPauses);
  const [search, setSearch] = useState("");
  const [isCreating, setCreating] = useState(false);
  const mayEdit = useMay("workflows:write");
  const needle = search.trim().toLowerCase();
  const shown = workflows?.filter(({ id, name }) => `${name} ${id}`.toLowerCase().includes(needle));
  return (
    <main className="page">
      <header className="page-header">
        <h1>Workflows</h1>
        <input
          className="input page-search"
          type="search"
          aria-label="Find a workflow"
          placeholder="Find a workflow"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        {mayEdit && (
          <Button icon="plus" look="primary" testId="new-workflow" onClick={() => setCreating(true)}>
            New workflow
          </Button>
        )}
      </header>
      {error !== undefined && (
        <p className="callout callout-error" role="alert">
          {error.message} <Button onClick={reload}>Try again</Button>
        </p>
      )}
      {workflows === undefined && error === undefined && <p className="page-loading">Loading…</p>}
      {workflows?.length === 0 && <NoWorkflows {...(mayEdit ? { onCreate: () => setCreating(true) } : {})} />}
      {shown !== undefined && workflows !== undefined && workflows.length > 0 && (
        <WorkflowTable
          workflows={shown}
          pauses={pauses ?? []}
          onChange={() => {
            reload();
            reloadPauses();
          }}
        />
      )}
      {isCreating && (
        <Suspense>
          <NewWorkflowDialog onClose={() => setCreating(false)} />
        </Suspense>
      )}
    </main>
  );
}

function NoWorkflows({ onCreate }: { readonly onCreate?: () => void }): React.JSX.Element {
  return (
    <div className="empty">
      <h2>No workflow yet</h2>
      <p>A workflow starts when an event comes in, and takes the steps that you draw.</p>
      {onCreate !== undefined && (
        <Button icon="plus" look="primary" onClick={onCreate}>
          Make the first one
        </Button>
      )}
    </div>
  );
}

interface WorkflowTableProps {
  readonly workflows: readonly ListedWorkflow[];
  readonly pauses: readonly Pause[];
  readonly onChange: () => void;
}

function WorkflowTable({ workflows, pauses, onChange }: WorkflowTableProps): React.JSX.Element {
  const mayPublish = useMay("workflows:publish");
  const mayPause = useMay("workflows:pause");
  return (
    <div className="card">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Version</th>
            <th scope="col">Last change</th>
            <th scope="col">Last runs</th>
            <th scope="col">Enabled</th>
            <th scope="col">
              <span className="visually-hidden">More</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {workflows.map((workflow) => (
            <tr key={workflow.id} data-testid={`workflow-${workflow.id}`}>
              <td>
                <Link className="table-link" href={pathTo("workflows", workflow.id)}>
                  {workflow.name === "" ? "Untitled" : workflow.name}
                </Link>
                {holdsOf(pauses, workflow.id).map((hold) => (
                  <span key={hold} className="tag workflow-hold">
                    {hold === "pause" ? "paused" : "draining"}
                  </span>
                ))}
                <span className="muted table-id">{workflow.id}</span>
              </td>
              <td>
                {workflow.published_version === null ? (
                  <span className="tag">Draft</span>
                ) : (
                  `v${workflow.published_version}`
                )}
              </td>
              <td title={fullTime(workflow.updated_at)}>{ago(workflow.updated_at)}</td>
              <td>
                <LastRuns workflow={workflow} />
              </td>
              <td>
                <button
                  type="button"
                  role="switch"
                  className="switch"
                  aria-checked={workflow.enabled}
                  disabled={!mayPublish}
                  aria-label={`${workflow.name === "" ? workflow.id : workflow.name} is enabled`}
                  onClick={() => void toggle(workflow, onChange)}
                />
              </td>
              <td>
                {mayPause && (
                  <Menu
                    label={`More for ${workflow.id}`}
                    icon="dots"
                    items={holdItems(workflow.id, holdsOf(pauses, workflow.id), onChange)}
                  />
                )}
              </td>
            </tr>
          ))}
          {workflows.length === 0 && (
            <tr>
              <td colSpan={6} className="muted">
                No workflow has this in its name.
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

function holdsOf(pauses: readonly Pause[], workflowId: string): readonly Pause["hold"][] {
  return pauses.filter(({ workflow_id }) => workflow_id === workflowId).map(({ hold }) => hold);
}

/** Pausing freezes the runs there are; draining lets them come to their end. Both keep new ones from starting. */
function holdItems(workflowId: string, holds: readonly Pause["hold"][], onChange: () => void): readonly MenuItem[] {
  const [isPaused, isDrained] = [holds.includes("pause"), holds.includes("drain")];
  const send = (what: Parameters<typeof api.hold>[1]) => (): void => {
    api
      .hold(workflowId, what)
      .catch((reason: unknown) => notify(asApiError(reason).message, "error"))
      .finally(onChange);
  };
  return [
    isPaused
      ? { label: "Resume", icon: "play", onSelect: send("resume") }
      : { label: "Pause: freeze its runs", icon: "pause", onSelect: send("pause") },
    isDrained
      ? { label: "Stop draining", icon: "play", onSelect: send("undrain") }
      : { label: "Drain: finish its runs", icon: "filter", onSelect: send("drain") },
  ];
}

async function toggle(workflow: ListedWorkflow, onChange: () => void): Promise<void> {
  try {
    await api.setEnabled(workflow.id, !workflow.enabled);
  } catch (reason) {
    notify(asApiError(reason).message, "error");
  }
  onChange();
}
