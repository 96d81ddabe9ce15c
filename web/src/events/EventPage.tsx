import { useCallback } from "react";
import type { Decision, EventDetail } from "../api/schema";
import { api } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import { Status } from "../runs/Status";
import { reasonText } from "../runs/words";
import { pathTo } from "../shell/routes";
import { ago, fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { JsonTree } from "../shell/ui/JsonTree";
import { Link } from "../shell/ui/Link";

/** One event: what it said, what it started, and why it did not start the rest. */
export function EventPage({ eventId }: { readonly eventId: string }): React.JSX.Element {
  const load = useCallback(() => api.event(eventId), [eventId]);
  const { value: event, error, reload } = useLoaded(load);
  return (
    <main className="page">
      <header className="page-header">
        <h1>{event?.name ?? "Event"}</h1>
        <Button onClick={reload}>Refresh</Button>
        <Link className="button" href={pathTo("events")}>
          All events
        </Link>
      </header>
      {error !== undefined && (
        <p className="callout callout-error" role="alert">
          {error.message}
        </p>
      )}
      {event !== undefined && (
        <div className="stack">
          <p className="muted">
            <code>{event.event_id ?? event.id}</code> · received {fullTime(event.received_at)}
            {event.webhook !== null && <> · by the webhook {event.webhook}</>}
            {event.source_run_id !== null && (
              <>
                {" · sent by "}
                <Link href={pathTo("runs", event.source_run_id)}>a run</Link>
              </>
            )}
          </p>
          <JsonTree value={event.data} label="the data of the event" />
          <Outcome event={event} />
        </div>
      )}
    </main>
  );
}

function Outcome({ event }: { readonly event: EventDetail }): React.JSX.Element {
  const { runs, decisions, is_pending, duplicate_of } = event;
  return (
    <>
      {is_pending && <p className="callout">It has not been matched with the workflows yet.</p>}
      {duplicate_of !== null && (
        <p className="callout">
          <span>
            It starts nothing: <Link href={pathTo("events", duplicate_of)}>an earlier event</Link> has the same id.
          </span>
        </p>
      )}
      <h2>What it started</h2>
      {runs.length === 0 ? (
        <p className="muted">Nothing.</p>
      ) : (
        <div className="card">
          <table className="table" aria-label="Runs">
            <tbody>
              {runs.map((run) => (
                <tr key={run.id}>
                  <td>
                    <Status status={run.status} />
                  </td>
                  <td>
                    <Link className="table-link" href={pathTo("runs", run.id)}>
                      {run.workflow_id}
                    </Link>{" "}
                    <span className="muted">v{run.version}</span>
                  </td>
                  <td title={fullTime(run.created_at)}>{ago(run.created_at)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <h2>What it did not start, and why</h2>
      {decisions.length === 0 ? (
        <p className="muted">No other workflow listens to this event.</p>
      ) : (
        <Decisions decisions={decisions} />
      )}
    </>
  );
}

function Decisions({ decisions }: { readonly decisions: readonly Decision[] }): React.JSX.Element {
  return (
    <div className="card">
      <table className="table" aria-label="Decisions" data-testid="decisions">
        <tbody>
          {decisions.map((decision) => (
            <tr key={`${decision.workflow_id ?? ""} ${decision.reason}`}>
              <td>
                {decision.workflow_id === null ? (
                  "The event itself"
                ) : (
                  <Link className="table-link" href={pathTo("workflows", decision.workflow_id)}>
                    {decision.workflow_id}
                  </Link>
                )}
              </td>
              <td>
                {reasonText(decision.reason)}
                {decision.detail !== null && <span className="muted"> {decision.detail}</span>}
              </td>
              <td>
                <code className="muted">{decision.reason}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
