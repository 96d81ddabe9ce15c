import { useCallback } from "react";
import type { EventType, EventTypePage } from "../api/schema";
import { api } from "../api/session";
import { useLoaded } from "../api/useLoaded";
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
const SPANS: Readonly<Record<string, readonly [string, string]>> = {
  "1h": ["Last hour", "2 minutes"],
  "24h": ["Last day", "70 minutes"],
  "7d": ["Last 7 days", "7 hours"],
};
const DEFAULT_SPAN = "24h";
/** Names that are shown at a time. */
const PAGE = 10;
/** Workflows of one name that are shown. */
const MOST_LINKED = 5;
const NUMBER = new Intl.NumberFormat();

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
    <ListSection title={name === "" ? "By name" : "This event"}>
      <div className="event-span">
        <QuerySelect
          label="How far back"
          name="span"
          value={span}
          options={Object.keys(SPANS)}
          labelOf={(option) => SPANS[option]?.[0] ?? option}
        />
        <span className="muted">A bar is about {SPANS[span]?.[1]}.</span>
      </div>
      <Table
        label="Names of events"
        columns={columnsOf(page, name)}
        items={page.items}
        keyOf={(type) => type.name}
        empty=""
      />
      {page.next_cursor !== null && (
        <Button look="quiet" onClick={() => setQuery({ types: page.next_cursor ?? undefined })}>
          More names
        </Button>
      )}
      {after !== "" && (
        <Button look="quiet" onClick={() => setQuery({ types: undefined })}>
          The first names
        </Button>
      )}
    </ListSection>
  );
}

function columnsOf(page: EventTypePage, shown: string): readonly Column<EventType>[] {
  return [
    {
      head: "Event",
      cell: ({ name }) =>
        name === shown ? (
          name
        ) : (
          <Link className="table-link" href={`${pathTo("events")}?${new URLSearchParams({ name }).toString()}`}>
            {name}
          </Link>
        ),
    },
    { head: "When", cell: (type) => <Volume type={type} page={page} /> },
    {
      head: "Number",
      className: "table-time",
      cell: ({ count, is_capped }) => `${NUMBER.format(count)}${is_capped ? "+" : ""}`,
    },
    { head: "Last", cell: ({ last_at }) => (last_at === null ? "—" : <Ago time={last_at} />) },
    { head: "Who listens", className: "table-wrap", cell: ({ workflow_ids }) => <Linked ids={workflow_ids} /> },
  ];
}

function Linked({ ids }: { readonly ids: readonly string[] }): React.JSX.Element {
  if (ids.length === 0) return <span className="muted">nobody</span>;
  const shown = ids.slice(0, MOST_LINKED);
  return (
    <>
      {shown.map((id, index) => (
        <span key={id}>
          {index > 0 && ", "}
          <Link href={pathToSource(id)}>{id}</Link>
        </span>
      ))}
      {ids.length > shown.length && <span className="muted"> and {ids.length - shown.length} more</span>}
    </>
  );
}
