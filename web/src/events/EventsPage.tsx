import { useCallback } from "react";
import type { EventPage as Page } from "../api/schema";
import { api } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import { summary } from "../base/json";
import { pathTo, setQuery, useAddress } from "../shell/routes";
import { ago, fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { QueryField } from "../shell/ui/QueryField";

/** The events that came in, newest first. */
export function EventsPage(): React.JSX.Element {
  const { query } = useAddress();
  const name = query.get("name") ?? "";
  const cursor = query.get("cursor") ?? "";
  const load = useCallback(() => api.findEvents({ name, cursor }), [name, cursor]);
  const { value: page, error, reload } = useLoaded(load);
  return (
    <main className="page">
      <header className="page-header">
        <h1>Events</h1>
        <QueryField label="Name of the event" name="name" value={name} />
        <Button onClick={reload}>Refresh</Button>
      </header>
      {error !== undefined && (
        <p className="callout callout-error" role="alert">
          {error.message}
        </p>
      )}
      {page !== undefined && <EventTable page={page} />}
    </main>
  );
}

function EventTable({ page }: { readonly page: Page }): React.JSX.Element {
  if (page.items.length === 0) return <div className="empty">No event is like this.</div>;
  return (
    <div className="card">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Event</th>
            <th scope="col">Data</th>
            <th scope="col">Received</th>
          </tr>
        </thead>
        <tbody>
          {page.items.map((event) => (
            <tr key={event.id}>
              <td>
                <Link className="table-link" href={pathTo("events", event.id)}>
                  {event.name}
                </Link>
                {event.duplicate_of !== null && <span className="tag">duplicate</span>}
              </td>
              <td className="mono muted table-wrap">{summary(event.data)}</td>
              <td className="table-time" title={fullTime(event.received_at)}>
                {ago(event.received_at)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {page.next_cursor !== null && (
        <footer className="card-footer">
          <Button onClick={() => setQuery({ cursor: page.next_cursor ?? undefined })}>Older</Button>
        </footer>
      )}
    </div>
  );
}
