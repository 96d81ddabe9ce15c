import type { Connection } from "../api/schema";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";
import { Load } from "./WorkerTable";

interface ConnectionTableProps {
  readonly connections: readonly Connection[];
  readonly now: number;
}

/** The workers of apps that are connected, and how much each has to do. */
export function ConnectionTable({ connections, now }: ConnectionTableProps): React.JSX.Element {
  return (
    <Table
      label="Connected workers"
      columns={columnsAt(now)}
      items={connections}
      keyOf={({ id }) => id}
      empty={<h3>No worker is connected</h3>}
    />
  );
}

function columnsAt(now: number): readonly Column<Connection>[] {
  return [
    { head: "Worker", cell: ({ instance }) => <strong className="table-strong">{instance}</strong> },
    { head: "State", cell: ({ status }) => <State status={status} /> },
    {
      head: "Load",
      cell: ({ instance, busy_count, max_requests }) => <Load of={instance} busy={busy_count} most={max_requests} />,
    },
    { head: "Apps", cell: ({ apps }) => <Apps apps={apps} /> },
    { head: "SDK", className: "mono", cell: ({ sdk }) => sdk },
    { head: "Up since", cell: ({ connected_at }) => <Ago time={connected_at} now={now} /> },
    { head: "Last heard", cell: ({ seen_at }) => <Ago time={seen_at} now={now} /> },
  ];
}

function State({ status }: { readonly status: Connection["status"] }): React.JSX.Element {
  return <span className={`status status-${status === "ready" ? "completed" : "waiting"}`}>{status}</span>;
}

function Apps({ apps }: { readonly apps: Connection["apps"] }): React.JSX.Element {
  return (
    <span className="worker-queues">
      {apps.map(({ id, version }) => (
        <span key={id} className="tag">
          {version === null ? id : `${id} ${version}`}
        </span>
      ))}
    </span>
  );
}
