import { useCallback } from "react";
import type { Event } from "../api/schema";
import { api } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import { summary } from "../base/json";
import { pathTo, useAddress } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { ListPage, ListSection } from "../shell/ui/ListPage";
import { QueryField } from "../shell/ui/QueryField";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";
import { EventTypes } from "./EventTypes";

const COLUMNS: readonly Column<Event>[] = [
  {
    head: "Event",
    cell: (event) => (
      <>
        <Link className="table-link" href={pathTo("events", event.id)}>
          {event.name}
        </Link>{" "}
        {event.duplicate_of !== null && <span className="tag">duplicate</span>}
      </>
    ),
  },
  { head: "Data", className: "mono muted table-wrap table-long", cell: (event) => summary(event.data) },
  { head: "Received", cell: (event) => <Ago time={event.received_at} /> },
];

/** The events that came in, newest first. */
export function EventsPage(): React.JSX.Element {
  const { query } = useAddress();
  const name = query.get("name") ?? "";
  const cursor = query.get("cursor") ?? "";
  const load = useCallback(() => api.findEvents({ name, cursor }), [name, cursor]);
  const { value: page, error, reload } = useLoaded(load);
  return (
    <ListPage
      title="Events"
      error={error}
      onReload={reload}
      isEmpty={page === undefined}
      actions={
        <>
          <QueryField label="Name of the event" name="name" value={name} />
          <Button onClick={reload}>Refresh</Button>
        </>
      }
    >
      <EventTypes name={name} query={query} />
      {page !== undefined && (
        <ListSection title="Latest">
          <Table
            label="Events"
            columns={COLUMNS}
            items={page.items}
            keyOf={({ id }) => id}
            empty={name === "" ? "No event has come in yet." : "No event is like this."}
            nextCursor={page.next_cursor}
          />
        </ListSection>
      )}
    </ListPage>
  );
}
