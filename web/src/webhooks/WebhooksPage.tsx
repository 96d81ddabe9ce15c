import { useCallback, useState } from "react";
import { query } from "../api/client";
import type { Webhook, WebhookPage as Page } from "../api/schema";
import { api, useMay } from "../api/session";
import { usePolled } from "../api/usePolled";
import { t } from "../locale/locale";
import { navigate, pathTo, useAddress } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { ListPage, ListSection } from "../shell/ui/ListPage";
import { laterDialog } from "../shell/later";
import { OwnTable, WebhookTable } from "./WebhookTable";
import "./webhooks.css";

const NewWebhookDialog = laterDialog(() => import("./NewWebhookDialog").then((module) => module.NewWebhookDialog));

const PERIOD_MS = 10_000;

/** The URLs at which other services deliver, and what became of what they delivered last. */
export function WebhooksPage(): React.JSX.Element {
  const cursor = useAddress().query.get("cursor") ?? "";
  const usage = String(useMay("workflows:read"));
  const load = useCallback(() => api.get<Page>(`/webhooks${query({ cursor, usage })}`), [cursor, usage]);
  const { value: page, error, reload } = usePolled(load, PERIOD_MS);
  const [isMaking, setMaking] = useState(false);
  const mayWrite = useMay("webhooks:write");
  const make = (): void => setMaking(true);
  return (
    <ListPage
      title={t("Webhooks")}
      error={error}
      onReload={reload}
      isEmpty={page === undefined}
      actions={
        mayWrite && (
          <Button icon="plus" look="primary" testId="new-webhook" onClick={make}>
            {t("New webhook")}
          </Button>
        )
      }
    >
      {page !== undefined && <Content page={page} onMake={mayWrite ? make : undefined} onChange={reload} />}
      {isMaking && (
        <NewWebhookDialog
          taken={namesOf(page)}
          onMade={reload}
          onClose={(name) => {
            setMaking(false);
            if (name !== undefined) navigate(pathTo("webhooks", name));
          }}
        />
      )}
    </ListPage>
  );
}

function namesOf(page: Page | undefined): readonly string[] {
  return [...(page?.items ?? []), ...(page?.application ?? [])].map(({ name }: Pick<Webhook, "name">) => name);
}

interface ContentProps {
  readonly page: Page;
  /** `undefined` for whoever may not. */
  readonly onMake: (() => void) | undefined;
  readonly onChange: () => void;
}

function Content({ page, onMake, onChange }: ContentProps): React.JSX.Element {
  const { items, application } = page;
  return (
    <>
      {items.length === 0 && application.length === 0 ? (
        <div className="empty">
          <h2>{t("No webhook yet")}</h2>
          <p>
            {t(
              "A webhook is a URL at which another service, such as Stripe or GitHub, delivers what happened there. What it delivers becomes an event, and events start workflows.",
            )}
          </p>
          {onMake !== undefined && (
            <Button icon="plus" look="primary" onClick={onMake}>
              {t("Make the first webhook")}
            </Button>
          )}
        </div>
      ) : (
        <WebhookTable webhooks={items} nextCursor={page.next_cursor} onChange={onChange} />
      )}
      {application.length > 0 && (
        <ListSection title={t("Of the application")}>
          <p className="muted webhook-note">{t("These are part of the application, and are changed in its code.")}</p>
          <OwnTable webhooks={application} />
        </ListSection>
      )}
    </>
  );
}
