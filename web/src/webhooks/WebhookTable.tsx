import { useState } from "react";
import type { DeliveryOutcome, OwnWebhook, Webhook, WebhookWithUrl } from "../api/schema";
import { api, useMay } from "../api/session";
import { t } from "../locale/locale";
import { pathTo, pathToSource } from "../shell/routes";
import { Link } from "../shell/ui/Link";
import type { MenuItem } from "../shell/ui/Menu";
import { Menu } from "../shell/ui/Menu";
import type { Column } from "../shell/ui/Table";
import { Ago, Table } from "../shell/ui/Table";
import { useBusy } from "../shell/useBusy";
import { DeleteDialog } from "./DeleteDialog";
import { RotateDialog } from "./RotateDialog";
import { UrlDialog } from "./UrlDialog";
import { STATUS_LABELS, STATUS_LOOKS, outcomeText, presetOf, presetText, settingsOf } from "./webhook";

interface WebhookTableProps {
  readonly webhooks: readonly Webhook[];
  readonly nextCursor: string | null;
  readonly onChange: () => void;
}

/** The webhooks of the tenant, each with what can be done with it. */
export function WebhookTable({ webhooks, nextCursor, onChange }: WebhookTableProps): React.JSX.Element {
  return (
    <Table
      label={t("Webhooks")}
      columns={columnsFor(useMay("webhooks:write"), onChange)}
      items={webhooks}
      keyOf={({ name }) => name}
      testIdOf={({ name }) => `webhook-${name}`}
      empty={t("No webhook of your own yet.")}
      nextCursor={nextCursor}
    />
  );
}

function columnsFor(mayWrite: boolean, onChange: () => void): readonly Column<Webhook>[] {
  const columns: readonly Column<Webhook>[] = [
    { head: t("Webhook"), className: "mono", cell: ({ name }) => <Name name={name} /> },
    { head: t("Takes deliveries"), cell: (webhook) => <Switch webhook={webhook} onChange={onChange} /> },
    { head: t("Proven by"), cell: ({ verification }) => presetText(presetOf(verification)) },
    { head: t("Last delivery"), className: "table-wrap", cell: LastDelivery },
    { head: t("Starts"), className: "table-wrap", cell: ({ used_by }) => <Users ids={used_by} /> },
  ];
  if (!mayWrite) return columns;
  const more: Column<Webhook> = {
    head: t("More"),
    isHeadHidden: true,
    className: "table-menu",
    cell: (webhook) => <More webhook={webhook} onChange={onChange} onDeleted={onChange} />,
  };
  return [...columns, more];
}

/** Those of the application, which are only looked at. */
export function OwnTable({ webhooks }: { readonly webhooks: readonly OwnWebhook[] }): React.JSX.Element {
  return (
    <Table
      label={t("Of the application")}
      columns={ownColumns()}
      items={webhooks}
      keyOf={({ name }) => name}
      testIdOf={({ name }) => `webhook-${name}`}
      empty=""
    />
  );
}

function ownColumns(): readonly Column<OwnWebhook>[] {
  return [
    { head: t("Webhook"), className: "mono", cell: ({ name }) => <Name name={name} /> },
    { head: t("Proven by"), cell: ({ preset }) => presetText(preset) },
    { head: t("Last delivery"), className: "table-wrap", cell: LastDelivery },
    { head: t("Starts"), className: "table-wrap", cell: ({ used_by }) => <Users ids={used_by} /> },
  ];
}

function Name({ name }: { readonly name: string }): React.JSX.Element {
  return (
    <Link className="table-link" href={pathTo("webhooks", name)}>
      {name}
    </Link>
  );
}

function LastDelivery({ last_delivery: last }: { readonly last_delivery: DeliveryOutcome | null }): React.JSX.Element {
  if (last === null) return <span className="muted">{t("none yet")}</span>;
  return (
    <>
      <OutcomeMark outcome={last} /> <Ago time={last.at} />
    </>
  );
}

/** What became of a delivery, in a word; the reason is its title. */
export function OutcomeMark({ outcome }: { readonly outcome: DeliveryOutcome }): React.JSX.Element {
  return (
    <span className={`status status-${STATUS_LOOKS[outcome.status]}`} title={outcomeText(outcome)}>
      {t(STATUS_LABELS[outcome.status])}
    </span>
  );
}

/** Workflows and functions, each of which opens; `null` where they may not be seen. */
export function Users({ ids }: { readonly ids: readonly string[] | null }): React.JSX.Element {
  if (ids === null) return <span className="muted">—</span>;
  if (ids.length === 0) return <span className="muted">{t("nothing by its name")}</span>;
  return (
    <>
      {ids.map((id, index) => (
        <span key={id}>
          {index > 0 && t(", ")}
          <Link href={pathToSource(id)}>{id}</Link>
        </span>
      ))}
    </>
  );
}

interface SwitchProps {
  readonly webhook: Webhook;
  readonly onChange: () => void;
}

function pathOf({ name }: Pick<Webhook, "name">): string {
  return `/webhooks/${encodeURIComponent(name)}`;
}

/** Whether a webhook takes deliveries; pressing it changes that. */
export function Switch({ webhook, onChange }: SwitchProps): React.JSX.Element {
  const [isBusy, begin] = useBusy();
  const mayWrite = useMay("webhooks:write");
  const toggle = (): Promise<void> =>
    api.send("PUT", pathOf(webhook), { ...settingsOf(webhook), enabled: !webhook.enabled }).then(onChange);
  return (
    <button
      type="button"
      role="switch"
      className="switch"
      aria-checked={webhook.enabled}
      aria-label={t("{name} takes deliveries", { name: webhook.name })}
      data-testid="webhook-enabled"
      disabled={isBusy || !mayWrite}
      onClick={() => begin(toggle)}
    />
  );
}

interface MoreProps {
  readonly webhook: Webhook;
  readonly onChange: () => void;
  readonly onDeleted: () => void;
  /** What else can be done, first. */
  readonly further?: readonly MenuItem[];
}

/** What can be done with a webhook: a new URL, and deleting it. */
export function More({ webhook, onChange, onDeleted, further = [] }: MoreProps): React.JSX.Element {
  const [asked, setAsked] = useState<"rotate" | "delete" | undefined>(undefined);
  const [url, setUrl] = useState<string | undefined>(undefined);
  const { name } = webhook;
  const rotate = async (): Promise<void> => {
    const { url: made } = await api.send<WebhookWithUrl>("POST", `${pathOf(webhook)}/rotate`);
    setAsked(undefined);
    setUrl(made);
    onChange();
  };
  return (
    <>
      <Menu
        label={t("More for {name}", { name })}
        icon="dots"
        testId="webhook-more"
        items={[
          ...further,
          { label: t("New URL"), icon: "link", onSelect: () => setAsked("rotate") },
          { label: t("Delete"), icon: "trash", onSelect: () => setAsked("delete") },
        ]}
      />
      {asked === "rotate" && <RotateDialog name={name} onRotate={rotate} onClose={() => setAsked(undefined)} />}
      {asked === "delete" && (
        <DeleteDialog webhook={webhook} onClose={() => setAsked(undefined)} onDeleted={onDeleted} />
      )}
      {url !== undefined && <UrlDialog name={name} url={url} onClose={() => setUrl(undefined)} />}
    </>
  );
}
