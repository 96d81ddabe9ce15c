import { useCallback } from "react";
import type { EventDetail } from "../api/schema";
import { api } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import { t } from "../locale/locale";
import { rich } from "../locale/rich";
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
      title={event?.name ?? t("Event")}
      back={{ href: pathTo("events"), label: t("All events") }}
      error={error}
      onReload={reload}
      isEmpty={event === undefined}
      actions={
        <>
          {event !== undefined && <SendAgain event={event} />}
          <Button onClick={reload}>{t("Refresh")}</Button>
        </>
      }
    >
      {event !== undefined && (
        <>
          <p className="muted event-facts">
            <code>{event.event_id ?? event.id}</code> · {t("received {time}", { time: fullTime(event.received_at) })}
            {" · "}
            <Source event={event} />
          </p>
          <JsonTree value={event.data} label={t("the data of the event")} />
          <Outcome event={event} />
        </>
      )}
    </ListPage>
  );
}

/** Where an event came from. */
function Source({ event }: { readonly event: EventDetail }): React.JSX.Element {
  if (event.webhook !== null) return <>{t("by the webhook {name}", { name: event.webhook })}</>;
  if (event.source_run_id === null) return <>{t("sent from outside")}</>;
  return (
    <>
      {rich("sent by {run}", {
        run: <Link href={pathTo("runs", event.source_run_id)}>{t("a run")}</Link>,
      })}
    </>
  );
}
