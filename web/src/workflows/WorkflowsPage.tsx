import { useCallback, useState } from "react";
import { useLoaded } from "../api/useLoaded";
import { api, useMay } from "../api/session";
import type { ListedWorkflow, Pause } from "../api/schema";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";
import { laterDialog } from "../shell/later";
import { pathTo, useAddress } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { ListPage } from "../shell/ui/ListPage";
import { QuerySelect } from "../shell/ui/QueryField";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";
import { fullTime } from "../shell/times";
import { useBusy } from "../shell/useBusy";
import { Holds, HoldTag, holdsOf } from "./Holds";
import { LastRuns } from "./LastRuns";
import { WorkflowMenu } from "./WorkflowMenu";
import "./workflows.css";

const NewWorkflowDialog = laterDialog(() => import("./NewWorkflowDialog").then((module) => module.NewWorkflowDialog));

const LAST_RUNS = 5;

/** All pages of the list: there are seldom more than a few hundred workflows. */
async function loadAll(lastRuns: number, archived: boolean): Promise<readonly ListedWorkflow[]> {
  const all: ListedWorkflow[] = [];
  let cursor: string | undefined;
  do {
    // oxlint-disable-next-line no-await-in-loop -- a page names the next one
    const page = await api.workflows({ cursor, lastRuns, archived });
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
  const which = useAddress().query.get("archived") ?? "";
  const isArchived = which === "true";
  const load = useCallback(async () => loadAll(lastRuns, isArchived), [lastRuns, isArchived]);
  const { value: workflows, error, reload } = useLoaded(load);
  const { value: pauses, reload: reloadPauses } = useLoaded(loadPauses);
  const [search, setSearch] = useState("");
  const [isCreating, setCreating] = useState(false);
  const mayEdit = useMay("workflows:write");
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
          <QuerySelect
            label={t("Which workflows")}
            name="archived"
            value={which}
            none={t("In use")}
            options={["true"]}
            labelOf={() => t("Archived")}
          />
          {mayEdit && (
            <Button icon="plus" look="primary" testId="new-workflow" onClick={() => setCreating(true)}>
              {t("New workflow")}
            </Button>
          )}
          <Holds workflowId={null} pauses={pauses ?? []} onChange={reloadPauses} />
        </>
      }
    >
      {pauses !== undefined && <HeldTogether pauses={pauses} />}
      {workflows !== undefined && (
        <WorkflowList
          workflows={workflows}
          search={search}
          pauses={pauses ?? []}
          isArchived={isArchived}
          {...(mayEdit ? { onCreate: () => setCreating(true) } : {})}
          onChange={() => {
            reload();
            reloadPauses();
          }}
        />
      )}
      {isCreating && <NewWorkflowDialog onClose={() => setCreating(false)} />}
    </ListPage>
  );
}

/** What holds for all workflows: a pause or a drain of the tenant, or of the whole environment. */
function HeldTogether({ pauses }: { readonly pauses: readonly Pause[] }): React.JSX.Element | null {
  const held = pauses.filter(({ workflow_id: id }) => id === null);
  if (held.length === 0) return null;
  return (
    <div className="callout" role="status">
      {held.map(({ hold, reason, is_for_everyone: isForEveryone }) => (
        <p key={`${hold} ${String(isForEveryone)}`}>
          {t(HELD[hold][isForEveryone ? 1 : 0])}
          {reason !== null && <> “{reason}”</>}
        </p>
      ))}
    </div>
  );
}

const HELD: Readonly<Record<Pause["hold"], readonly [tenant: Message, environment: Message]>> = {
  pause: ["Everything is paused.", "The whole environment is paused."],
  drain: ["Everything is being drained.", "The whole environment is being drained."],
};

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

interface WorkflowListProps {
  readonly workflows: readonly ListedWorkflow[];
  readonly search: string;
  readonly pauses: readonly Pause[];
  /** Whether the list is of those that are archived. */
  readonly isArchived: boolean;
  readonly onCreate?: () => void;
  readonly onChange: () => void;
}

function WorkflowList(props: WorkflowListProps): React.JSX.Element {
  const { workflows, search, pauses, isArchived, onCreate, onChange } = props;
  const needle = search.trim().toLowerCase();
  const shown = workflows.filter(({ id, name }) => `${name} ${id}`.toLowerCase().includes(needle));
  if (workflows.length === 0 && isArchived)
    return (
      <div className="empty">
        <h2>{t("No workflow is archived.")}</h2>
      </div>
    );
  if (workflows.length === 0) return <NoWorkflows {...(onCreate === undefined ? {} : { onCreate })} />;
  return (
    <Table
      label={t("Workflows")}
      columns={columnsFor(pauses, onChange)}
      items={shown}
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
      cell: (workflow) => <WorkflowMenu workflow={workflow} pauses={pauses} onChange={onChange} />,
    },
  ];
}

function Name({
  workflow,
  holds,
}: {
  readonly workflow: ListedWorkflow;
  readonly holds: readonly Pause[];
}): React.JSX.Element {
  return (
    <>
      <Link className="table-link" href={pathTo("workflows", workflow.id)}>
        {workflow.name === "" ? t("Untitled") : workflow.name}
      </Link>
      {workflow.archived_at !== null && (
        <span className="tag" title={fullTime(workflow.archived_at)}>
          {t("archived")}
        </span>
      )}
      {holds.map((pause) => (
        <HoldTag key={pause.hold} pause={pause} />
      ))}
      <span className="muted table-id">{workflow.id}</span>
    </>
  );
}

interface EnabledProps extends Pick<WorkflowListProps, "onChange"> {
  readonly workflow: ListedWorkflow;
}

function Enabled({ workflow, onChange }: EnabledProps): React.JSX.Element {
  const [isBusy, begin] = useBusy();
  const mayPublish = useMay("workflows:publish");
  const { id, name, enabled, archived_at: archivedAt } = workflow;
  return (
    <button
      type="button"
      role="switch"
      className="switch"
      aria-checked={enabled}
      disabled={isBusy || !mayPublish || archivedAt !== null}
      aria-label={t("{name} is enabled", { name: name === "" ? id : name })}
      onClick={() => begin(() => api.setEnabled(id, !enabled).finally(onChange))}
    />
  );
}
