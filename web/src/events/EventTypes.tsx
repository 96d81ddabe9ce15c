import { useCallback } from "react";
import type { EventType, EventTypePage } from "../api/schema";
import { api } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import type { Message } from "../locale/locale";
import { counted, numeral, t } from "../locale/locale";
import { calledBy } from "./names";
import { pathTo, pathToSource, setQuery } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { ListSection } from "../shell/ui/ListPage";
import { QuerySelect } from "../shell/ui/QueryField";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";
import { Volume } from "./Volume";
import "./events.css";

/** What is counted, and how long about a bar of it is. */
const SPANS: Readonly<Record<string, readonly [Message, () => string]>> = {
  "1h": ["Last hour", () => counted("{count} minutes", 2)],
  "24h": ["Last day", () => counted("{count} minutes", 70)],
  "7d": ["Last 7 days", () => counted("{count} hours", 7)],
};
const DEFAULT_SPAN = "24h";
/** Names that are shown at a time. */
const PAGE = 10;
/** Workflows of one name that are shown. */
const MOST_LINKED = 5;

interface EventTypesProps {
  /** Only events of this name; "" for all. */
  readonly name: string;
  readonly query: URLSearchParams;
}

/** The names of events: how many came when, and who listens to them. */
export function EventTypes({ name, query }: EventTypesProps): React.JSX.Element | null {
  const span = query.get("span") ?? DEFAULT_SPAN;
  const after = query.get("types") ?? "";
  const isPattern = name.includes("*");
  const load = useCallback(
    () =>
      isPattern
        ? Promise.resolve(undefined)
        : api.eventTypes({ name, span, cursor: name === "" ? after : "", limit: String(PAGE) }),
    [name, span, after, isPattern],
  );
  const { value: page, error } = useLoaded(load);
  if (error !== undefined)
    return (
      <p className="callout callout-error" role="alert">
        {error.message}
      </p>
    );
  if (page === undefined || page.items.length === 0) return null;
  return (
    <ListSection title={name === "" ? t("By name") : t("This event")}>
      <div className="event-span">
        <QuerySelect
          label={t("How far back")}
          name="span"
          value={span}
          options={Object.keys(SPANS)}
          labelOf={spanLabel}
        />
        <span className="muted">
          {SPANS[span] !== undefined && t("A bar is about {time}.", { time: SPANS[span][1]() })}
        </span>
      </div>
      <Table
        label={t("Names of events")}
        columns={columnsOf(page, name)}
        items={page.items}
        keyOf={(type) => type.name}
        empty=""
      />
      {page.next_cursor !== null && (
        <Button look="quiet" onClick={() => setQuery({ types: page.next_cursor ?? undefined })}>
          {t("More names")}
        </Button>
      )}
      {after !== "" && (
        <Button look="quiet" onClick={() => setQuery({ types: undefined })}>
          {t("The first names")}
        </Button>
      )}
    </ListSection>
  );
}

function spanLabel(option: string): string {
  const span = SPANS[option];
  return span === undefined ? option : t(span[0]);
}

function columnsOf(page: EventTypePage, shown: string): readonly Column<EventType>[] {
  return [
    {
      head: t("Event"),
      cell: ({ name }) =>
        name === shown ? (
          name
        ) : (
          <Link className="table-link" href={`${pathTo("events")}?${new URLSearchParams({ name }).toString()}`}>
            {name}
          </Link>
        ),
    },
    { head: t("When"), cell: (type) => <Volume type={type} page={page} /> },
    {
      head: t("How many"),
      className: "table-time",
      cell: ({ count, is_capped }) => `${numeral(count)}${is_capped ? "+" : ""}`,
    },
    { head: t("Last"), cell: ({ last_at }) => (last_at === null ? "—" : <Ago time={last_at} />) },
    {
      head: t("Who listens"),
      className: "table-wrap",
      cell: (type) => <Linked type={type} names={page.workflow_names} />,
    },
  ];
}

/** Each of these starts the one workflow that it names, which needs no trigger for it. */
const ADDRESSED = new Set([
  "workflow/schedule.fired",
  "workflow/run.requested",
  "workflow/run.invoked",
  "workflow/run.deferred",
  "workflow/http.requested",
  "workflow/endpoint.requested",
]);

interface LinkedProps {
  readonly type: EventType;
  readonly names: EventTypePage["workflow_names"];
}

function Linked({ type: { name, workflow_ids: ids }, names }: LinkedProps): React.JSX.Element {
  if (ids.length === 0)
    return <span className="muted">{ADDRESSED.has(name) ? t("the workflow that each names") : t("Nobody")}</span>;
  const shown = ids.slice(0, MOST_LINKED);
  return (
    <>
      {shown.map((id, index) => (
        <span key={id}>
          {index > 0 && t(", ")}
          <Link href={pathToSource(id)} title={id}>
            {calledBy(id, names)}
          </Link>
        </span>
      ))}
      {ids.length > shown.length && (
        <span className="muted"> {t("and {number} more", { number: ids.length - shown.length })}</span>
      )}
    </>
  );
}
