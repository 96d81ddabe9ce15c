import type { WorkerProcess } from "../api/schema";
import { t } from "../locale/locale";
import { rich } from "../locale/rich";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";

interface WorkerTableProps {
  readonly workers: readonly WorkerProcess[];
  readonly now: number;
}

/** The processes, and how much each has to do. */
export function WorkerTable({ workers, now }: WorkerTableProps): React.JSX.Element {
  return (
    <Table
      label={t("Processes")}
      columns={columnsAt(now)}
      items={workers}
      keyOf={({ id }) => id}
      empty={
        <>
          <h3>{t("No process works")}</h3>
          <p>
            {rich("Events are kept until one does: start it with {command}.", {
              command: <code>workflowkit worker</code>,
            })}
          </p>
        </>
      }
    />
  );
}

function columnsAt(now: number): readonly Column<WorkerProcess>[] {
  return [
    { head: t("Process"), cell: (worker) => <Name worker={worker} /> },
    { head: t("State"), cell: (worker) => <State isSilent={worker.is_silent} /> },
    {
      head: t("Load"),
      cell: (worker) =>
        worker.role === "worker" ? (
          <Load of={worker.name} busy={worker.busy_count} most={worker.concurrency} />
        ) : (
          <span className="muted">{t("scheduler")}</span>
        ),
    },
    { head: t("Queues"), cell: (worker) => <Queues names={worker.queues} /> },
    { head: t("Version"), className: "mono", cell: ({ version }) => version },
    { head: t("Up since"), cell: (worker) => <Ago time={worker.started_at} now={now} /> },
    { head: t("Last heard"), cell: (worker) => <Ago time={worker.seen_at} now={now} /> },
  ];
}

function Name({ worker: { name, host, pid } }: { readonly worker: WorkerProcess }): React.JSX.Element {
  return (
    <>
      <strong className="table-strong">{name}</strong>
      <span className="muted table-id">
        {host} · {pid}
      </span>
    </>
  );
}

function State({ isSilent }: { readonly isSilent: boolean }): React.JSX.Element {
  return (
    <span className={`status status-${isSilent ? "failed" : "completed"}`}>{isSilent ? t("silent") : t("alive")}</span>
  );
}

function Queues({ names }: { readonly names: readonly string[] }): React.JSX.Element {
  return (
    <span className="worker-queues">
      {names.map((name) => (
        <span key={name} className="tag">
          {name}
        </span>
      ))}
    </span>
  );
}

interface LoadProps {
  readonly of: string;
  readonly busy: number;
  readonly most: number;
}

/** How much somebody has to do, of what they can do at a time. */
export function Load({ of, busy, most }: LoadProps): React.JSX.Element {
  return (
    <span className="worker-load">
      <meter
        aria-label={t("Load of {name}", { name: of })}
        min={0}
        max={most}
        high={most * 0.9}
        value={Math.min(busy, most)}
      />
      {busy}/{most}
    </span>
  );
}
