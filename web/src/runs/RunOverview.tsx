import type { ReactNode } from "react";
import type { Cause, Gathered, RunDetail } from "../api/schema";
import { t } from "../locale/locale";
import { pathTo } from "../shell/routes";
import { fullTime } from "../shell/times";
import { IconButton } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { Facts, RunLinks, Section, hasOutput } from "./parts";
import { ValueView } from "./ValueView";
import { reasonText } from "./words";

interface RunOverviewProps {
  readonly run: RunDetail;
  /** Where the trigger was chosen for it. */
  readonly onClose: (() => void) | undefined;
}

/** What is to be known of a run as a whole. */
export function RunOverview({ run, onClose }: RunOverviewProps): React.JSX.Element {
  return (
    <div className="run-detail">
      <header className="run-detail-head">
        <h2 tabIndex={-1}>{t("This run")}</h2>
        <span className="grow" />
        {onClose !== undefined && <IconButton icon="x" label={t("Close")} onClick={onClose} />}
      </header>
      {run.reason !== null && <Ending reason={run.reason} cause={run.cause} />}
      <Facts facts={factsOf(run)} />
      <Section title={t("Event")}>
        <p>
          <Link className="table-link" href={pathTo("events", run.event.id)}>
            {run.event.name}
          </Link>
        </p>
        <ValueView value={run.event.data} label={t("the data of the event")} root={["event", "data"]} />
      </Section>
      {run.gathered !== null && <GatheredEvents gathered={run.gathered} />}
      {run.finished_at !== null && hasOutput(run) && (
        <Section title={t("Output")}>
          <ValueView value={run.output} label={t("the output")} />
        </Section>
      )}
      {run.children.length > 0 && (
        <Section title={t("Runs that it began")}>
          <RunLinks runs={run.children} />
        </Section>
      )}
    </div>
  );
}

/** The events that the run stands for. */
function GatheredEvents({ gathered }: { readonly gathered: Gathered }): React.JSX.Element {
  const { kind, events, event_ids: ids } = gathered;
  const title =
    kind === "batch"
      ? t("Events of its batch: {number}", { number: events })
      : t("Events that it stands for: {number}", { number: events });
  return (
    <Section title={title}>
      <ul className="run-links">
        {ids.map((id) => (
          <li key={id}>
            <Link className="mono" href={pathTo("events", id)}>
              {id}
            </Link>
          </li>
        ))}
      </ul>
      {ids.length < events && <p className="muted">{t("And {number} more.", { number: events - ids.length })}</p>}
    </Section>
  );
}

/** Why a run was cancelled, and by whom. */
function Ending({ reason, cause }: { readonly reason: string; readonly cause: Cause | null }): React.JSX.Element {
  return (
    <p className="callout" data-testid="run-reason">
      <span>
        {reasonText(reason)}
        {typeof cause?.text === "string" && <> {t("“{text}”", { text: cause.text })}</>}
        {typeof cause?.actor === "string" && <span className="muted"> — {cause.actor}</span>}
      </span>
    </p>
  );
}

function factsOf(run: RunDetail): readonly (readonly [string, ReactNode])[] {
  const facts: (readonly [string, ReactNode])[] = [
    [t("Id"), <code key="id">{run.id}</code>],
    [t("Created"), fullTime(run.created_at)],
    [t("Started"), run.started_at === null ? "—" : fullTime(run.started_at)],
    [t("Ended"), run.finished_at === null ? "—" : fullTime(run.finished_at)],
  ];
  if (run.rerun_of !== null) facts.push([t("Repeats"), runLink(run.rerun_of)]);
  if (run.rerun_by !== null) facts.push([t("Repeated by"), run.rerun_by]);
  for (const { version, actor, at } of run.moves) {
    const who = actor === null ? "" : ` — ${actor}`;
    facts.push([t("Moved to v{version}", { version }), `${fullTime(at)}${who}`]);
  }
  if (run.parent_run_id !== null) facts.push([t("Begun by"), runLink(run.parent_run_id)]);
  if (run.path !== null) facts.push([t("Part"), run.path]);
  return facts;
}

function runLink(id: string): React.JSX.Element {
  return (
    <Link className="mono" href={pathTo("runs", id)}>
      {id}
    </Link>
  );
}
