import type { EventPage } from "../api/schema";
import type { Json, JsonObject } from "../base/json";
import { isList, isObject } from "../base/json";
import { pathTo } from "../shell/routes";
import { ago, fullTime } from "../shell/times";
import { Link } from "../shell/ui/Link";
import { TableCard } from "../shell/ui/TableCard";

type Told = EventPage["items"][number];

/** What was told of alerts, with some of the runs that failed. */
export function FiringTable({ events }: { readonly events: readonly Told[] }): React.JSX.Element {
  if (events.length === 0) return <div className="empty">No rule has fired lately.</div>;
  return (
    <TableCard label="Last firings">
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">What</th>
          <th scope="col">Rule</th>
          <th scope="col">Failed runs</th>
          <th scope="col">Some of them</th>
        </tr>
      </thead>
      <tbody>
        {events.map((event) => (
          <FiringLine key={event.id} event={event} />
        ))}
      </tbody>
    </TableCard>
  );
}

function FiringLine({ event }: { readonly event: Told }): React.JSX.Element {
  const data = objectOf(event.data);
  const hasFired = event.name === "workflow/alert.fired";
  return (
    <tr>
      <td className="table-time" title={fullTime(event.received_at)}>
        {ago(event.received_at)}
      </td>
      <td>
        <Link href={pathTo("events", event.id)} className={`status status-${hasFired ? "failed" : "completed"}`}>
          {hasFired ? "fired" : "recovered"}
        </Link>
      </td>
      <td>{String(objectOf(data.rule).name ?? "")}</td>
      <td>
        {String(data.count ?? 0)} <span className="muted">of {String(data.ended ?? 0)}</span>
      </td>
      <td className="table-wrap">
        {samplesOf(data).map(({ id, error }) => (
          <Link key={id} className="firing-run" href={pathTo("runs", id)}>
            {error}
          </Link>
        ))}
      </td>
    </tr>
  );
}

const SHOWN = 2;

function samplesOf(data: JsonObject): readonly { readonly id: string; readonly error: string }[] {
  if (!isList(data.runs)) return [];
  return data.runs.slice(0, SHOWN).map((run) => {
    const { run_id: id, error } = objectOf(run);
    return { id: String(id), error: typeof error === "string" && error !== "" ? error : "failed" };
  });
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}
