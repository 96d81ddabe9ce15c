import type { Collection, Decision, EventDetail, Resumed, Run } from "../api/schema";
import { Status } from "../runs/Status";
import { decisionText } from "../runs/words";
import { counted, t } from "../locale/locale";
import { rich } from "../locale/rich";
import { pathTo, pathToSource } from "../shell/routes";
import { calledBy } from "./names";
import { Link } from "../shell/ui/Link";
import { ListSection } from "../shell/ui/ListPage";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";

/** What workflows are called, by id. */
type Names = EventDetail["workflow_names"];

function runColumns(names: Names): readonly Column<Run>[] {
  return [
    { head: t("Status"), cell: (run) => <Status status={run.status} /> },
    {
      head: t("Run of"),
      cell: (run) => (
        <>
          <Link className="table-link" href={pathTo("runs", run.id)}>
            {calledBy(run.workflow_id, names)}
          </Link>{" "}
          <span className="muted">v{run.version}</span>
        </>
      ),
    },
    { head: t("Begun"), cell: (run) => <Ago time={run.created_at} /> },
  ];
}

function resumedColumns(names: Names): readonly Column<Resumed>[] {
  return [
    { head: t("Status"), cell: ({ status }) => <Status status={status} /> },
    {
      head: t("Run of"),
      cell: ({ run_id: id, workflow_id: workflow }) => (
        <Link className="table-link" href={pathTo("runs", id)}>
          {calledBy(workflow, names)}
        </Link>
      ),
    },
    { head: t("Where it waited"), cell: ({ step }) => <code className="muted">{step}</code> },
    { head: t("Since"), cell: ({ at }) => <Ago time={at} /> },
  ];
}

function collectionColumns(names: Names): readonly Column<Collection>[] {
  return [
    { head: t("Workflow"), cell: ({ workflow_id: id }) => <WorkflowLink id={id} names={names} /> },
    { head: t("Where it is"), cell: placeOf },
    { head: t("What became of it"), cell: (collection) => <Became collection={collection} /> },
    { head: t("Since"), cell: ({ opened_at: at }) => <Ago time={at} /> },
  ];
}

function decisionColumns(names: Names): readonly Column<Decision>[] {
  return [
    {
      head: t("Workflow"),
      cell: ({ workflow_id: id }) => (id === null ? t("The event itself") : <WorkflowLink id={id} names={names} />),
    },
    {
      head: t("Why it did not start"),
      cell: (decision) => (
        <>
          {decisionText(decision.reason)}
          {decision.detail !== null && <span className="muted"> {decision.detail}</span>}{" "}
          <Instead decision={decision} />
          <span className="muted table-id">{decision.reason}</span>
        </>
      ),
    },
  ];
}

/** Reasons with which an event is named that was there before; with others it is a run. */
const NAME_EVENTS: ReadonlySet<string> = new Set(["idempotent", "duplicate"]);

/** What became of an event: the runs it started, the events it is with, and why it started nothing else. */
export function Outcome({ event }: { readonly event: EventDetail }): React.JSX.Element {
  const { runs, resumed, decisions, collections, is_pending, duplicate_of, workflow_names: names } = event;
  return (
    <>
      {is_pending && <p className="callout">{t("It has not been matched with the workflows yet.")}</p>}
      {duplicate_of !== null && (
        <p className="callout">
          <span>
            {rich("{event} has the same id.", {
              event: <Link href={pathTo("events", duplicate_of)}>{t("An earlier event")}</Link>,
            })}
          </span>
        </p>
      )}
      <ListSection title={t("What it started")}>
        <Table
          label={t("Runs")}
          columns={runColumns(names)}
          items={runs}
          keyOf={({ id }) => id}
          empty={t("Nothing by itself.")}
        />
      </ListSection>
      {resumed.length > 0 && (
        <ListSection title={t("What waited for it")}>
          <Table
            label={t("What waited for it")}
            columns={resumedColumns(names)}
            items={resumed}
            keyOf={({ run_id: id, step }) => `${id} ${step}`}
            empty=""
          />
        </ListSection>
      )}
      {collections.length > 0 && (
        <ListSection title={t("Where it is with other events")}>
          <Table
            label={t("Collections")}
            columns={collectionColumns(names)}
            items={collections}
            keyOf={({ id }) => id}
            empty=""
          />
        </ListSection>
      )}
      <ListSection title={t("What it did not start, and why")}>
        <div data-testid="decisions">
          <Table
            label={t("Decisions")}
            columns={decisionColumns(names)}
            items={decisions}
            keyOf={({ workflow_id: id, reason }) => `${id ?? ""} ${reason}`}
            empty={t("No other workflow listens to this event.")}
          />
        </div>
      </ListSection>
    </>
  );
}

function WorkflowLink({ id, names }: { readonly id: string; readonly names: Names }): React.JSX.Element {
  return (
    <Link className="table-link" href={pathToSource(id)} title={id}>
      {calledBy(id, names)}
    </Link>
  );
}

function placeOf({ kind, events }: Collection): string {
  if (kind === "singleton") return t("Waits for a run to end");
  return kind === "batch"
    ? counted("Batch of {count} events", events)
    : counted("Window of a debounce, with {count} events", events);
}

function Became({ collection }: { readonly collection: Collection }): React.JSX.Element {
  const { run_id: id, reason } = collection;
  if (id !== null) return <RunLink id={id} />;
  return <>{reason === null ? t("Still open") : decisionText(reason)}</>;
}

function Instead({ decision }: { readonly decision: Decision }): React.JSX.Element | null {
  const { run_id: run, other_id: other, reason } = decision;
  if (reason === "superseded" && other !== null)
    return <Link href={pathTo("events", other)}>{t("A later event")}</Link>;
  if (run !== null) return <RunLink id={run} />;
  return other === null || !NAME_EVENTS.has(reason) ? null : (
    <Link href={pathTo("events", other)}>{t("An earlier event")}</Link>
  );
}

function RunLink({ id }: { readonly id: string }): React.JSX.Element {
  return <Link href={pathTo("runs", id)}>{t("A run")}</Link>;
}
