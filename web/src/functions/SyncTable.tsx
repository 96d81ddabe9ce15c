import type { AppSync } from "../api/schema";
import type { Message } from "../locale/locale";
import { counted, listed, t } from "../locale/locale";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";

const RESULTS: Readonly<Record<AppSync["status"], Message>> = {
  synced: "synced",
  unchanged: "unchanged",
  failed: "failed",
};

function columns(): readonly Column<AppSync>[] {
  return [
    { head: t("When"), cell: (sync) => <Ago time={sync.at} /> },
    {
      head: t("Result"),
      cell: ({ status }) => (
        <span className={`status status-${status === "failed" ? "failed" : "completed"}`}>{t(RESULTS[status])}</span>
      ),
    },
    {
      head: t("App"),
      className: "table-wrap",
      cell: (sync) => (
        <>
          {sync.app_id ?? t("unknown")}
          {sync.url !== null && <span className="muted table-id">{sync.url}</span>}
        </>
      ),
    },
    { head: t("What changed"), className: "table-wrap", cell: (sync) => sync.error ?? changeText(sync) },
  ];
}

/** How functions came here, and what kept them from it. */
export function SyncTable({ syncs }: { readonly syncs: readonly AppSync[] }): React.JSX.Element {
  return (
    <Table
      label={t("Last syncs")}
      columns={columns()}
      items={syncs}
      keyOf={(sync) => sync.id ?? sync.at}
      empty={t("Nothing was synced yet.")}
    />
  );
}

function changeText({ published, retired, function_count: count }: AppSync): string {
  const parts = [
    published.length === 0 ? "" : t("published {names}", { names: listed(published) }),
    retired.length === 0 ? "" : t("switched off {names}", { names: listed(retired) }),
  ].filter((part) => part !== "");
  return parts.length === 0 ? counted("{count} functions", count) : parts.join("; ");
}
