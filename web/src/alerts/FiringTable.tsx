import type { EventPage } from "../api/schema";
import type { Json, JsonObject } from "../base/json";
import { isList, isObject } from "../base/json";
import { t } from "../locale/locale";
import { pathTo } from "../shell/routes";
import { Link } from "../shell/ui/Link";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";

type Told = EventPage["items"][number];

function columns(): readonly Column<Told>[] {
  return [
    { head: t("When"), cell: (event) => <Ago time={event.received_at} /> },
    { head: t("What"), cell: (event) => <What event={event} /> },
    { head: t("Rule"), className: "table-wrap", cell: ({ data }) => String(objectOf(objectOf(data).rule).name ?? "") },
    {
      head: t("Failed runs"),
      cell: ({ data }) =>
        t("{number} of {all}", { number: String(objectOf(data).count ?? 0), all: String(objectOf(data).ended ?? 0) }),
    },
    {
      head: t("Some of them"),
      className: "table-wrap",
      cell: ({ data }) =>
        samplesOf(objectOf(data)).map(({ id, error }) => (
          <Link key={id} className="firing-run" href={pathTo("runs", id)}>
            {error}
          </Link>
        )),
    },
  ];
}

/** What was told of alerts, with some of the runs that failed. */
export function FiringTable({ events }: { readonly events: readonly Told[] }): React.JSX.Element {
  return (
    <Table
      label={t("Last firings")}
      columns={columns()}
      items={events}
      keyOf={({ id }) => id}
      empty={t("No rule has fired lately.")}
    />
  );
}

function What({ event }: { readonly event: Told }): React.JSX.Element {
  const hasFired = event.name === "workflow/alert.fired";
  return (
    <Link href={pathTo("events", event.id)} className={`status status-${hasFired ? "failed" : "completed"}`}>
      {hasFired ? t("fired") : t("recovered")}
    </Link>
  );
}

const SHOWN = 2;

function samplesOf(data: JsonObject): readonly { readonly id: string; readonly error: string }[] {
  if (!isList(data.runs)) return [];
  return data.runs.slice(0, SHOWN).map((run) => {
    const { run_id: id, error } = objectOf(run);
    return { id: String(id), error: typeof error === "string" && error !== "" ? error : t("failed") };
  });
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}
