import type { WorkerProcess } from "../api/schema";
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
      label="Processes"
      columns={columnsAt(now)}
      items={workers}
      keyOf={({ id }) => id}
      empty={
        <>
          <h3>No process works</h3>
          <p>
            Events are kept until one does: start it with <code>workflowkit worker</code>.
          </p>
        </>
      }
    />
  );
}

function columnsAt(now: number): readonly Column<WorkerProcess>[] {
  return [
    { head: "Process", cell: (worker) => <Name worker={worker} /> },
    { head: "State", cell: (worker) => <State isSilent={worker.is_silent} /> },
    {
      head: "Load",
      cell: (worker) =>
        worker.role === "worker" ? (
          <Load of={worker.name} busy={worker.busy_count} most={worker.concurrency} />
        ) : (
          <span className="muted">scheduler</span>
        ),
    },
    { head: "Queues", cell: (worker) => <Queues names={worker.queues} /> },
    { head: "Version", className: "mono", cell: ({ version }) => version },
    { head: "Up since", cell: (worker) => <Ago time={worker.started_at} now={now} /> },
    { head: "Last heard", cell: (worker) => <Ago time={worker.seen_at} now={now} /> },
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
  return <span className={`status status-${isSilent ? "failed" : "completed"}`}>{isSilent ? "silent" : "alive"}</span>;
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
      <meter aria-label={`Load of ${of}`} min={0} max={most} high={most * 0.9} value={Math.min(busy, most)} />
      {busy}/{most}
    </span>
  );
}
