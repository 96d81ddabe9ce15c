import { useCallback } from "react";
import type { Event } from "../api/schema";
import { api } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import { summary } from "../base/json";
import { t } from "../locale/locale";
import { pathTo, useAddress } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { ListPage, ListSection } from "../shell/ui/ListPage";
import { QueryField } from "../shell/ui/QueryField";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";
import { EventTypes } from "./EventTypes";

function columns(): readonly Column<Event>[] {
  return [
    {
      head: t("Event"),
      cell: (event) => (
        <>
          <Link className="table-link" href={pathTo("events", event.id)}>
            {event.name}
          </Link>{" "}
          {event.duplicate_of !== null && <span className="tag">{t("duplicate")}</span>}
        </>
      ),
    },
    { head: t("Data"), className: "mono muted table-wrap table-long", cell: (event) => summary(event.data) },
    { head: t("Received"), cell: (event) => <Ago time={event.received_at} /> },
  ];
}

/** The events that came in, newest first. */
export function EventsPage(): React.JSX.Element {
  const { query } = useAddress();
  const name = query.get("name") ?? "";
  const cursor = query.get("cursor") ?? "";
  const load = useCallback(() => api.findEvents({ name, cursor }), [name, cursor]);
  const { value: page, error, reload } = useLoaded(load);
  return (
    <ListPage
      title={t("Events")}
      error={error}
      onReload={reload}
      isEmpty={page === undefined}
      actions={
        <>
          <QueryField label={t("Name of the event")} name="name" value={name} />
          <Button onClick={reload}>{t("Refresh")}</Button>
        </>
      }
    >
      <EventTypes name={name} query={query} />
      {page !== undefined && (
        <ListSection title={t("Latest")}>
          <Table
            label={t("Events")}
            columns={columns()}
            items={page.items}
            keyOf={({ id }) => id}
            empty={name === "" ? t("No event has come in yet.") : t("No event is like this.")}
            nextCursor={page.next_cursor}
          />
        </ListSection>
      )}
    </ListPage>
  );
}
