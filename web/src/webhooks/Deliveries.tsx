import type { DeliveryOutcome } from "../api/schema";
import { useMay } from "../api/session";
import { t } from "../locale/locale";
import { pathTo } from "../shell/routes";
import { Link } from "../shell/ui/Link";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";
import { OutcomeMark } from "./WebhookTable";
import { outcomeText } from "./webhook";

/** What became of the last deliveries: the events, each of which shows what it started, or why there is none. */
export function Deliveries({ outcomes }: { readonly outcomes: readonly DeliveryOutcome[] }): React.JSX.Element {
  const maySee = useMay("runs:read");
  return (
    <>
      <div data-testid="webhook-deliveries">
        <Table
          label={t("Last deliveries")}
          columns={columnsFor(maySee)}
          items={outcomes}
          keyOf={({ at, status, reason, events }) => `${at} ${status} ${reason ?? ""} ${events[0]?.id ?? ""}`}
          empty={t("Nothing was delivered yet. As soon as something is, it is shown here.")}
        />
      </div>
      {outcomes.some((outcome) => outcome.is_last_of_its_kind) && (
        <p className="muted page-footnote">
          {t("Of what was refused or sent again, the last for each reason is shown; nothing of what it said is kept.")}
        </p>
      )}
    </>
  );
}

function columnsFor(maySee: boolean): readonly Column<DeliveryOutcome>[] {
  return [
    { head: t("When"), cell: ({ at }) => <Ago time={at} /> },
    { head: t("What became of it"), cell: (outcome) => <OutcomeMark outcome={outcome} /> },
    {
      head: t("Event, or why not"),
      className: "table-wrap",
      cell: (outcome) => <Why outcome={outcome} maySee={maySee} />,
    },
  ];
}

function Why({ outcome, maySee }: { readonly outcome: DeliveryOutcome; readonly maySee: boolean }): React.JSX.Element {
  const text = outcomeText(outcome);
  return (
    <>
      {outcome.events.map(({ id, name }) =>
        maySee ? (
          <Link key={id} className="webhook-event" href={pathTo("events", id)}>
            {name}
          </Link>
        ) : (
          <span key={id} className="webhook-event">
            {name}
          </span>
        ),
      )}
      {text}
      {outcome.detail !== null && (
        <span className="muted" dir="ltr">
          {" "}
          {outcome.detail}
        </span>
      )}
    </>
  );
}
