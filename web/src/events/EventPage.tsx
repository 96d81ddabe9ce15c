import { useCallback } from "react";
import type { Decision, EventDetail, Run } from "../api/schema";
import { api } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import { Status } from "../runs/Status";
import { reasonText } from "../runs/words";
import { pathTo } from "../shell/routes";
import { fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { JsonTree } from "../shell/ui/JsonTree";
import { Link } from "../shell/ui/Link";
import { ListPage } from "../shell/ui/ListPage";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";

const RUNS: readonly Column<Run>[] = [
  { head: "Status", cell: (run) => <Status status={run.status} /> },
  {
    head: "Run of",
    cell: (run) => (
      <>
        <Link className="table-link" href={pathTo("runs", run.id)}>
          {run.workflow_id}
        </Link>{" "}
        <span className="muted">v{run.version}</span>
      </>
    ),
  },
  { head: "Begun", cell: (run) => <Ago time={run.created_at} /> },
];

const DECISIONS: readonly Column<Decision>[] = [
  {
    head: "Workflow",
    cell: ({ workflow_id: id }) =>
      id === null ? (
        "The event itself"
      ) : (
        <Link className="table-link" href={pathTo("workflows", id)}>
          {id}
        </Link>
      ),
  },
  {
    head: "Why it did not start",
    cell: ({ reason, detail }) => (
      <>
        {reasonText(reason)}
        {detail !== null && <span className="muted"> {detail}</span>}
      </>
    ),
  },
  { head: "Reason", cell: ({ reason }) => <code className="muted">{reason}</code> },
];

/** One event: what it said, what it started, and why it did not start the rest. */
export function EventPage({ eventId }: { readonly eventId: string }): React.JSX.Element {
  const load = useCallback(() => api.event(eventId), [eventId]);
  const { value: event, error, reload } = useLoaded(load);
  return (
    <ListPage
      title={event?.name ?? "Event"}
      error={error}
      onReload={reload}
      isEmpty={event === undefined}
      actions={
        <>
          <Button onClick={reload}>Refresh</Button>
          <Link className="button" href={pathTo("events")}>
            All events
          </Link>
        </>
      }
    >
      {event !== undefined && (
        <div className="stack">
          <p className="muted">
            <code>{event.event_id ?? event.id}</code> · received {fullTime(event.received_at)}
            {event.webhook !== null && <> · by the webhook {event.webhook}</>}
            {event.source_run_id !== null && (
              <>
                {" · sent by "}
                <Link href={pathTo("runs", event.source_run_id)}>a run</Link>
              </>
            )}
          </p>
          <JsonTree value={event.data} label="the data of the event" />
          <Outcome event={event} />
        </div>
      )}
    </ListPage>
  );
}

function Outcome({ event }: { readonly event: EventDetail }): React.JSX.Element {
  const { runs, decisions, is_pending, duplicate_of } = event;
  return (
    <>
      {is_pending && <p className="callout">It has not been matched with the workflows yet.</p>}
      {duplicate_of !== null && (
        <p className="callout">
          <span>
            It starts nothing: <Link href={pathTo("events", duplicate_of)}>an earlier event</Link> has the same id.
          </span>
        </p>
      )}
      <h2>What it started</h2>
      <Table label="Runs" columns={RUNS} items={runs} keyOf={({ id }) => id} empty="Nothing." />
      <h2>What it did not start, and why</h2>
      <div data-testid="decisions">
        <Table
          label="Decisions"
          columns={DECISIONS}
          items={decisions}
          keyOf={({ workflow_id: id, reason }) => `${id ?? ""} ${reason}`}
          empty="No other workflow listens to this event."
        />
      </div>
    </>
  );
}
