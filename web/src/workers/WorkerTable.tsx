import type { WorkerProcess } from "../api/schema";
import { ago, fullTime } from "../shell/times";
import { TableCard } from "../shell/ui/TableCard";

interface WorkerTableProps {
  readonly workers: readonly WorkerProcess[];
  readonly now: number;
}

export function WorkerTable({ workers, now }: WorkerTableProps): React.JSX.Element {
  if (workers.length === 0)
    return (
      <div className="empty">
        <h3>No process works</h3>
        <p>
          Events are kept until one does: start it with <code>workflowkit worker</code>.
        </p>
      </div>
    );
  return (
    <TableCard label="Processes">
      <thead>
        <tr>
          <th scope="col">Process</th>
          <th scope="col">State</th>
          <th scope="col">Load</th>
          <th scope="col">Queues</th>
          <th scope="col">Version</th>
          <th scope="col">Up since</th>
          <th scope="col">Last heard</th>
        </tr>
      </thead>
      <tbody>
        {workers.map((worker) => (
          <WorkerLine key={worker.id} worker={worker} now={now} />
        ))}
      </tbody>
    </TableCard>
  );
}

function WorkerLine({ worker, now }: { readonly worker: WorkerProcess; readonly now: number }): React.JSX.Element {
  return (
    <tr>
      <td>
        <strong className="worker-name">{worker.name}</strong>
        <span className="muted table-id">
          {worker.host} · {worker.pid}
        </span>
      </td>
      <td>
        <span className={`status status-${worker.is_silent ? "failed" : "completed"}`}>
          {worker.is_silent ? "silent" : "alive"}
        </span>
      </td>
      <td>{worker.role === "worker" ? <Load worker={worker} /> : <span className="muted">scheduler</span>}</td>
      <td>
        <span className="worker-queues">
          {worker.queues.map((queue) => (
            <span key={queue} className="tag">
              {queue}
            </span>
          ))}
        </span>
      </td>
      <td className="mono">{worker.version}</td>
      <td className="table-time" title={fullTime(worker.started_at)}>
        {ago(worker.started_at, now)}
      </td>
      <td className="table-time" title={fullTime(worker.seen_at)}>
        {ago(worker.seen_at, now)}
      </td>
    </tr>
  );
}

function Load({ worker }: { readonly worker: WorkerProcess }): React.JSX.Element {
  const { busy_count: busy, concurrency } = worker;
  return (
    <span className="worker-load">
      <meter
        aria-label={`Load of ${worker.name}`}
        min={0}
        max={concurrency}
        high={concurrency * 0.9}
        value={Math.min(busy, concurrency)}
      />
      {busy}/{concurrency}
    </span>
  );
}
