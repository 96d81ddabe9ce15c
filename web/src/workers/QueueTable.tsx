import type { SystemState } from "../api/schema";
import { counted, t } from "../locale/locale";
import { duration, fullTime } from "../shell/times";
import type { Column } from "../shell/ui/Table";
import { Table } from "../shell/ui/Table";
import { countText } from "./health";

type Queue = SystemState["queues"][number];

/** What waits in each queue, and what waits for a limit before it comes into one. */
export function QueueTable({ state }: { readonly state: SystemState }): React.JSX.Element {
  return (
    <>
      <Table
        label={t("Queues")}
        columns={columnsAt(state.at)}
        items={state.queues}
        keyOf={({ name }) => name}
        testIdOf={({ name }) => `queue-${name}`}
        empty={t("No step waits, and no process serves a queue.")}
      />
      <p className="muted page-footnote" data-testid="limits">
        {state.queued_count === 0 ? t("No step waits for a limit.") : waitingText(state)}
      </p>
    </>
  );
}

function waitingText({ queued_count, lane_count }: SystemState): string {
  const lanes = counted("{count} lanes", lane_count, { number: countText(lane_count) });
  return counted("{count} steps wait for a limit, in {lanes}.", queued_count, {
    number: countText(queued_count),
    lanes,
  });
}

function columnsAt(now: string): readonly Column<Queue>[] {
  return [
    { head: t("Queue"), className: "mono", cell: ({ name }) => name },
    { head: t("Due steps"), cell: (queue) => countText(queue.due_count) },
    { head: t("Oldest waits for"), cell: (queue) => <Oldest at={queue.oldest_at} now={now} /> },
    {
      head: t("Processes"),
      cell: ({ worker_count: count }) =>
        count === 0 ? <span className="status status-failed">{t("none")}</span> : count,
    },
  ];
}

function Oldest({ at, now }: { readonly at: string | null; readonly now: string }): React.JSX.Element {
  if (at === null) return <>—</>;
  return <span title={fullTime(at)}>{duration(Math.max(0, Date.parse(now) - Date.parse(at)))}</span>;
}
