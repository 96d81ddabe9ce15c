import { useCallback, useState } from "react";
import { ApiError, query } from "../api/client";
import type { DeliveryOutcome, DeliveryOutcomes, OwnWebhook, Webhook, WebhookPage as Page } from "../api/schema";
import { api, useMay } from "../api/session";
import { usePolled } from "../api/usePolled";
import { listed, t } from "../locale/locale";
import { laterDialog } from "../shell/later";
import { navigate, pathTo } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { ListPage, ListSection } from "../shell/ui/ListPage";
import { Deliveries } from "./Deliveries";
import { MappingForm } from "./MappingForm";
import { More, Switch, Users } from "./WebhookTable";
import { presetOf, presetText } from "./webhook";
import "./webhooks.css";

const SettingsDialog = laterDialog(() => import("./SettingsDialog").then((module) => module.SettingsDialog));

const PERIOD_MS = 5_000;

/** A webhook of the tenant, or one of the application, with what became of its deliveries. */
interface Shown {
  readonly webhook: Webhook | undefined;
  readonly own: OwnWebhook | undefined;
  readonly deliveries: readonly DeliveryOutcome[];
}

async function shown(name: string, usage: string): Promise<Shown> {
  const path = `/webhooks/${encodeURIComponent(name)}`;
  const deliveries = (await api.get<DeliveryOutcomes>(`${path}/deliveries`)).items;
  // The name of one of the application's is no other webhook's, even if there is one that was made before.
  const own = (await api.get<Page>(`/webhooks${query({ limit: "1", usage })}`)).application.find(
    (each) => each.name === name,
  );
  if (own !== undefined) return { webhook: undefined, own, deliveries };
  return { webhook: await api.get<Webhook>(`${path}${query({ usage })}`), own, deliveries };
}

/** One webhook: how it is verified, what its deliveries become, and what became of the last ones. */
export function WebhookPage({ name }: { readonly name: string }): React.JSX.Element {
  const usage = String(useMay("workflows:read"));
  const { value, error, reload } = usePolled(
    useCallback(() => shown(name, usage), [name, usage]),
    PERIOD_MS,
  );
  const isGone = error instanceof ApiError && error.status === 404;
  return (
    <ListPage
      title={t("Webhook {name}", { name })}
      error={error}
      onReload={reload}
      isEmpty={value === undefined}
      back={{ href: pathTo("webhooks"), label: t("All webhooks") }}
      actions={value?.webhook !== undefined && !isGone && <Actions webhook={value.webhook} onChange={reload} />}
    >
      {value !== undefined && !isGone && (
        <>
          {value.webhook !== undefined && <Facts webhook={value.webhook} />}
          {value.own !== undefined && <OwnFacts webhook={value.own} />}
          <ListSection title={t("Last deliveries")}>
            <Deliveries outcomes={value.deliveries} />
          </ListSection>
          {value.webhook !== undefined && <MappingForm webhook={value.webhook} onSaved={reload} />}
        </>
      )}
    </ListPage>
  );
}

interface ActionsProps {
  readonly webhook: Webhook;
  readonly onChange: () => void;
}

function Actions({ webhook, onChange }: ActionsProps): React.JSX.Element | null {
  const [isEditing, setEditing] = useState(false);
  if (!useMay("webhooks:write")) return <span className="tag">{t("You can only look")}</span>;
  return (
    <>
      <Switch webhook={webhook} onChange={onChange} />
      <Button icon="pencil" testId="edit-webhook" onClick={() => setEditing(true)}>
        {t("Settings")}
      </Button>
      <More webhook={webhook} onChange={onChange} onDeleted={() => navigate(pathTo("webhooks"))} />
      {isEditing && <SettingsDialog webhook={webhook} onClose={() => setEditing(false)} onSaved={onChange} />}
    </>
  );
}

function Facts({ webhook }: { readonly webhook: Webhook }): React.JSX.Element {
  const { verification, has_secrets: hasSecrets, event_names, cidrs, enabled, used_by } = webhook;
  return (
    <>
      {!enabled && (
        <p className="callout" data-testid="webhook-off">
          {t("It is switched off: deliveries are refused, and most senders try again later.")}
        </p>
      )}
      <dl className="webhook-facts">
        <dt>{t("Proven by")}</dt>
        <dd>
          {presetText(presetOf(verification))}
          {hasSecrets && <span className="muted">{t(", with a secret that is stored")}</span>}
        </dd>
        <dt>{t("URL")}</dt>
        <dd className="muted">{t("Was shown when it was made. If it got lost, make a new one.")}</dd>
        <dt>{t("Only these events")}</dt>
        <dd>
          <Listed values={event_names} />
        </dd>
        <dt>{t("Only from these networks")}</dt>
        <dd>
          <Listed values={cidrs} />
        </dd>
        <dt>{t("Starts")}</dt>
        <dd>
          <Users ids={used_by} />
        </dd>
      </dl>
    </>
  );
}

/** Event names or networks; `null` restricts nothing. */
function Listed({ values }: { readonly values: readonly string[] | null }): React.JSX.Element {
  return values === null ? <>{t("All")}</> : <bdi className="mono">{listed(values)}</bdi>;
}

function OwnFacts({ webhook }: { readonly webhook: OwnWebhook }): React.JSX.Element {
  return (
    <>
      <p className="callout">{t("It is part of the application, and is changed in its code.")}</p>
      <dl className="webhook-facts">
        <dt>{t("Proven by")}</dt>
        <dd>{presetText(webhook.preset)}</dd>
        <dt>{t("Only these events")}</dt>
        <dd>
          <Listed values={webhook.event_names} />
        </dd>
        <dt>{t("Starts")}</dt>
        <dd>
          <Users ids={webhook.used_by} />
        </dd>
      </dl>
    </>
  );
}
