import type { AppSync } from "../api/schema";
import { ago, fullTime } from "../shell/times";
import { TableCard } from "../shell/ui/TableCard";

/** How functions came here, and what kept them from it. */
export function SyncTable({ syncs }: { readonly syncs: readonly AppSync[] }): React.JSX.Element {
  if (syncs.length === 0) return <div className="empty">Nothing was synced yet.</div>;
  return (
    <TableCard label="Last syncs">
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">Result</th>
          <th scope="col">App</th>
          <th scope="col">What changed</th>
        </tr>
      </thead>
      <tbody>
        {syncs.map((sync) => (
          <tr key={sync.id ?? sync.at}>
            <td className="table-time" title={fullTime(sync.at)}>
              {ago(sync.at)}
            </td>
            <td>
              <span className={`status status-${sync.status === "failed" ? "failed" : "completed"}`}>
                {sync.status}
              </span>
            </td>
            <td className="table-wrap">
              {sync.app_id ?? "unknown"}
              {sync.url !== null && <span className="muted table-id">{sync.url}</span>}
            </td>
            <td className="table-wrap">{sync.error ?? changeText(sync)}</td>
          </tr>
        ))}
      </tbody>
    </TableCard>
  );
}

function changeText({ published, retired, function_count: count }: AppSync): string {
  const parts = [
    published.length === 0 ? "" : `published ${published.join(", ")}`,
    retired.length === 0 ? "" : `switched off ${retired.join(", ")}`,
  ].filter((part) => part !== "");
  return parts.length === 0 ? `${count} functions` : parts.join("; ");
}
