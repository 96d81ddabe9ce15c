import { Suspense, lazy, useCallback, useState } from "react";
import { useLoaded } from "../api/useLoaded";
import { api, useMay } from "../api/session";
import type { ListedWorkflow, Pause } from "../api/schema";
import { t } from "../locale/locale";
import { pathTo } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { ListPage } from "../shell/ui/ListPage";
import { Menu } from "../shell/ui/Menu";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";
import { useBusy } from "../shell/useBusy";
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
    <ListPage
      title={t("Workflows")}
      error={error}
      onReload={reload}
      isEmpty={workflows === undefined}
      actions={
        <>
          <input
            className="input page-search"
            type="search"
            aria-label={t("Find a workflow")}
            placeholder={t("Find a workflow")}
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
          {mayEdit && (
            <Button icon="plus" look="primary" testId="new-workflow" onClick={() => setCreating(true)}>
              {t("New workflow")}
            </Button>
          )}
        </>
      }
    >
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
    </ListPage>
  );
}

function NoWorkflows({ onCreate }: { readonly onCreate?: () => void }): React.JSX.Element {
  return (
    <div className="empty">
      <h2>{t("No workflow yet")}</h2>
      <p>{t("A workflow starts when an event comes in, and takes the steps that you draw.")}</p>
      {onCreate !== undefined && (
        <Button icon="plus" look="primary" onClick={onCreate}>
          {t("Make the first one")}
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
  return (
    <Table
      label={t("Workflows")}
      columns={columnsFor(pauses, onChange)}
      items={workflows}
      keyOf={({ id }) => id}
      testIdOf={({ id }) => `workflow-${id}`}
      empty={t("No workflow has this in its name.")}
    />
  );
}

function columnsFor(pauses: readonly Pause[], onChange: () => void): readonly Column<ListedWorkflow>[] {
  return [
    { head: t("Name"), cell: (workflow) => <Name workflow={workflow} holds={holdsOf(pauses, workflow.id)} /> },
    {
      head: t("Version"),
      cell: ({ published_version: version }) =>
        version === null ? <span className="tag">{t("Draft")}</span> : `v${version}`,
    },
    { head: t("Last change"), cell: (workflow) => <Ago time={workflow.updated_at} /> },
    { head: t("Last runs"), cell: (workflow) => <LastRuns workflow={workflow} /> },
    { head: t("Enabled"), cell: (workflow) => <Enabled workflow={workflow} onChange={onChange} /> },
    {
      head: t("More"),
      isHeadHidden: true,
      className: "table-menu",
      cell: ({ id }) => <Holds workflowId={id} holds={holdsOf(pauses, id)} onChange={onChange} />,
    },
  ];
}

type Hold = Pause["hold"];

function Name({
  workflow,
  holds,
}: {
  readonly workflow: ListedWorkflow;
  readonly holds: readonly Hold[];
}): React.JSX.Element {
  return (
    <>
      <Link className="table-link" href={pathTo("workflows", workflow.id)}>
        {workflow.name === "" ? t("Untitled") : workflow.name}
      </Link>
      {holds.map((hold) => (
        <span key={hold} className="tag tag-warn">
          {hold === "pause" ? t("paused") : t("draining")}
        </span>
      ))}
      <span className="muted table-id">{workflow.id}</span>
    </>
  );
}

interface EnabledProps extends Pick<WorkflowTableProps, "onChange"> {
  readonly workflow: ListedWorkflow;
}

function Enabled({ workflow, onChange }: EnabledProps): React.JSX.Element {
  const [isBusy, begin] = useBusy();
  const mayPublish = useMay("workflows:publish");
  const { id, name, enabled } = workflow;
  return (
    <button
      type="button"
      role="switch"
      className="switch"
      aria-checked={enabled}
      disabled={isBusy || !mayPublish}
      aria-label={t("{name} is enabled", { name: name === "" ? id : name })}
      onClick={() => begin(() => api.setEnabled(id, !enabled).finally(onChange))}
    />
  );
}

interface HoldsProps extends Pick<WorkflowTableProps, "onChange"> {
  readonly workflowId: string;
  readonly holds: readonly Hold[];
}

/** Pausing freezes the runs there are; draining lets them come to their end. Both keep new ones from starting. */
function Holds({ workflowId, holds, onChange }: HoldsProps): React.JSX.Element | null {
  const [, begin] = useBusy();
  if (!useMay("workflows:pause")) return null;
  const send = (what: Parameters<typeof api.hold>[1]) => (): void =>
    begin(() => api.hold(workflowId, what).finally(onChange));
  return (
    <Menu
      label={t("More for {name}", { name: workflowId })}
      icon="dots"
      items={[
        holds.includes("pause")
          ? { label: t("Resume"), icon: "play", onSelect: send("resume") }
          : { label: t("Pause: freeze its runs"), icon: "pause", onSelect: send("pause") },
        holds.includes("drain")
          ? { label: t("Stop draining"), icon: "play", onSelect: send("undrain") }
          : { label: t("Drain: finish its runs"), icon: "filter", onSelect: send("drain") },
      ]}
    />
  );
}

function holdsOf(pauses: readonly Pause[], workflowId: string): readonly Hold[] {
  return pauses.filter(({ workflow_id }) => workflow_id === workflowId).map(({ hold }) => hold);
}
