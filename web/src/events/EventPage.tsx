import { useCallback } from "react";
import type { EventDetail } from "../api/schema";
import { api } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import { pathTo } from "../shell/routes";
import { fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { JsonTree } from "../shell/ui/JsonTree";
import { Link } from "../shell/ui/Link";
import { ListPage } from "../shell/ui/ListPage";
import { Outcome } from "./Outcome";
import { SendAgain } from "./SendAgain";
import "./events.css";

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
          {event !== undefined && <SendAgain event={event} />}
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
            {" · "}
            <Source event={event} />
          </p>
          <JsonTree value={event.data} label="the data of the event" />
          <Outcome event={event} />
        </div>
      )}
    </ListPage>
  );
}

/** Where an event came from. */
function Source({ event }: { readonly event: EventDetail }): React.JSX.Element {
  if (event.webhook !== null) return <>by the webhook {event.webhook}</>;
  if (event.source_run_id === null) return <>sent from outside</>;
  return (
    <>
      sent by <Link href={pathTo("runs", event.source_run_id)}>a run</Link>
    </>
  );
}
