import type { Collection, Decision, EventDetail, Run } from "../api/schema";
import { Status } from "../runs/Status";
import { reasonText } from "../runs/words";
import { pathTo, pathToSource } from "../shell/routes";
import { Link } from "../shell/ui/Link";
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

const COLLECTIONS: readonly Column<Collection>[] = [
  { head: "Workflow", cell: ({ workflow_id: id }) => <WorkflowLink id={id} /> },
  { head: "Where it is", cell: placeOf },
  { head: "What became of it", cell: (collection) => <Became collection={collection} /> },
  { head: "Since", cell: ({ opened_at: at }) => <Ago time={at} /> },
];

const DECISIONS: readonly Column<Decision>[] = [
  {
    head: "Workflow",
    cell: ({ workflow_id: id }) => (id === null ? "The event itself" : <WorkflowLink id={id} />),
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
  { head: "Instead", cell: (decision) => <Instead decision={decision} /> },
  { head: "Reason", cell: ({ reason }) => <code className="muted">{reason}</code> },
];

/** Reasons with which an event is named that was there before; with others it is a run. */
const NAME_EVENTS: ReadonlySet<string> = new Set(["idempotent", "duplicate"]);

/** What became of an event: the runs it started, the events it is with, and why it started nothing else. */
export function Outcome({ event }: { readonly event: EventDetail }): React.JSX.Element {
  const { runs, decisions, collections, is_pending, duplicate_of } = event;
  return (
    <>
      {is_pending && <p className="callout">It has not been matched with the workflows yet.</p>}
      {duplicate_of !== null && (
        <p className="callout">
          <span>
            <Link href={pathTo("events", duplicate_of)}>An earlier event</Link> has the same id.
          </span>
        </p>
      )}
      <h2>What it started</h2>
      <Table label="Runs" columns={RUNS} items={runs} keyOf={({ id }) => id} empty="Nothing by itself." />
      {collections.length > 0 && (
        <>
          <h2>Where it is with other events</h2>
          <Table label="Collections" columns={COLLECTIONS} items={collections} keyOf={({ id }) => id} empty="" />
        </>
      )}
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

function WorkflowLink({ id }: { readonly id: string }): React.JSX.Element {
  return (
    <Link className="table-link" href={pathToSource(id)}>
      {id}
    </Link>
  );
}

function placeOf({ kind, events }: Collection): string {
  if (kind === "singleton") return "Waits for a run to end";
  const count = events === 1 ? "1 event" : `${String(events)} events`;
  return kind === "batch" ? `Batch of ${count}` : `Window of a debounce, with ${count}`;
}

function Became({ collection }: { readonly collection: Collection }): React.JSX.Element {
  const { run_id: id, reason } = collection;
  if (id !== null) return <RunLink id={id} />;
  return <>{reason === null ? "Still open" : reasonText(reason)}</>;
}

function Instead({ decision }: { readonly decision: Decision }): React.JSX.Element | null {
  const { run_id: run, other_id: other, reason } = decision;
  if (run !== null) return <RunLink id={run} />;
  return other === null || !NAME_EVENTS.has(reason) ? null : (
    <Link href={pathTo("events", other)}>An earlier event</Link>
  );
}

function RunLink({ id }: { readonly id: string }): React.JSX.Element {
  return <Link href={pathTo("runs", id)}>A run</Link>;
}
