import type { Connection } from "../api/schema";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";
import { Load } from "./WorkerTable";

const STATES: Readonly<Record<Connection["status"], Message>> = {
  connected: "connected",
  ready: "ready",
  draining: "draining",
};

interface ConnectionTableProps {
  readonly connections: readonly Connection[];
  readonly now: number;
}

/** The workers of apps that are connected, and how much each has to do. */
export function ConnectionTable({ connections, now }: ConnectionTableProps): React.JSX.Element {
  return (
    <Table
      label={t("Connected workers")}
      columns={columnsAt(now)}
      items={connections}
      keyOf={({ id }) => id}
      empty={<h3>{t("No worker is connected")}</h3>}
    />
  );
}

function columnsAt(now: number): readonly Column<Connection>[] {
  return [
    { head: t("Worker"), cell: ({ instance }) => <strong className="table-strong">{instance}</strong> },
    { head: t("State"), cell: ({ status }) => <State status={status} /> },
    {
      head: t("Load"),
      cell: ({ instance, busy_count, max_requests }) => <Load of={instance} busy={busy_count} most={max_requests} />,
    },
    { head: t("Apps"), cell: ({ apps }) => <Apps apps={apps} /> },
    { head: t("SDK"), className: "mono", cell: ({ sdk }) => sdk },
    { head: t("Up since"), cell: ({ connected_at }) => <Ago time={connected_at} now={now} /> },
    { head: t("Last heard"), cell: ({ seen_at }) => <Ago time={seen_at} now={now} /> },
  ];
}

function State({ status }: { readonly status: Connection["status"] }): React.JSX.Element {
  return <span className={`status status-${status === "ready" ? "completed" : "waiting"}`}>{t(STATES[status])}</span>;
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
