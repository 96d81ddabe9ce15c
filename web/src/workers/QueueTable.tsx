import type { SystemState } from "../api/schema";
import { duration, fullTime } from "../shell/times";
import { TableCard } from "../shell/ui/TableCard";
import { countText } from "./health";

/** What waits in each queue, and what waits for a limit before it comes into one. */
export function QueueTable({ state }: { readonly state: SystemState }): React.JSX.Element {
  return (
    <>
      {state.queues.length === 0 ? (
        <div className="empty">No step waits, and no process serves a queue.</div>
      ) : (
        <TableCard label="Queues">
          <thead>
            <tr>
              <th scope="col">Queue</th>
              <th scope="col">Due steps</th>
              <th scope="col">Oldest waits for</th>
              <th scope="col">Processes</th>
            </tr>
          </thead>
          <tbody>
            {state.queues.map((queue) => (
              <tr key={queue.name} data-testid={`queue-${queue.name}`}>
                <td className="mono">{queue.name}</td>
                <td>{countText(queue.due_count)}</td>
                <td title={queue.oldest_at === null ? undefined : fullTime(queue.oldest_at)}>
                  {queue.oldest_at === null
                    ? "—"
                    : duration(Math.max(0, Date.parse(state.at) - Date.parse(queue.oldest_at)))}
                </td>
                <td>
                  {queue.worker_count === 0 ? (
                    <span className="status status-failed">none</span>
                  ) : (
                    String(queue.worker_count)
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </TableCard>
      )}
      <p className="muted workers-limits" data-testid="limits">
        {state.queued_count === 0
          ? "No step waits for a limit."
          : `${countText(state.queued_count)} steps wait for a limit, in ${countText(state.lane_count)} lanes.`}
      </p>
    </>
  );
}
