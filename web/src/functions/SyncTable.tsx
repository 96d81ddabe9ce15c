import type { AppSync } from "../api/schema";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";

const COLUMNS: readonly Column<AppSync>[] = [
  { head: "When", cell: (sync) => <Ago time={sync.at} /> },
  {
    head: "Result",
    cell: ({ status }) => (
      <span className={`status status-${status === "failed" ? "failed" : "completed"}`}>{status}</span>
    ),
  },
  {
    head: "App",
    className: "table-wrap",
    cell: (sync) => (
      <>
        {sync.app_id ?? "unknown"}
        {sync.url !== null && <span className="muted table-id">{sync.url}</span>}
      </>
    ),
  },
  { head: "What changed", className: "table-wrap", cell: (sync) => sync.error ?? changeText(sync) },
];

/** How functions came here, and what kept them from it. */
export function SyncTable({ syncs }: { readonly syncs: readonly AppSync[] }): React.JSX.Element {
  return (
    <Table
      label="Last syncs"
      columns={COLUMNS}
      items={syncs}
      keyOf={(sync) => sync.id ?? sync.at}
      empty="Nothing was synced yet."
    />
  );
}

function changeText({ published, retired, function_count: count }: AppSync): string {
  const parts = [
    published.length === 0 ? "" : `published ${published.join(", ")}`,
    retired.length === 0 ? "" : `switched off ${retired.join(", ")}`,
  ].filter((part) => part !== "");
  return parts.length === 0 ? `${count} functions` : parts.join("; ");
}
