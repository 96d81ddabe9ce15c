import { useCallback, useState } from "react";
import type { ApiError } from "../api/client";
import { query } from "../api/client";
import type { ApprovedIntent, Intent } from "../api/schema";
import { api } from "../api/session";
import { asApiError, useLoaded } from "../api/useLoaded";
import { t } from "../locale/locale";
import { rich } from "../locale/rich";
import { navigate, pathTo, useAddress } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { ListPage } from "../shell/ui/ListPage";
import "./webhooks.css";

/** Where a service sends somebody who is to give it a webhook: they decide, and are sent back with its URL. */
export function IntentPage(): React.JSX.Element {
  const address = useAddress().query;
  const name = address.get("name") ?? "";
  const uri = address.get("redirect_uri") ?? "";
  const load = useCallback(() => api.get<Intent>(`/webhooks/intent${query({ name, redirect_uri: uri })}`), [name, uri]);
  const { value: intent, error, reload } = useLoaded(load);
  return (
    <ListPage
      title={t("Connect a service")}
      error={error}
      onReload={reload}
      isEmpty={intent === undefined && error === undefined}
    >
      {intent !== undefined && error === undefined && <Wish intent={intent} />}
    </ListPage>
  );
}

function Wish({ intent }: { readonly intent: Intent }): React.JSX.Element {
  const { name, webhook, redirect_uri, redirect_host: host } = intent;
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);
  const approve = async (): Promise<void> => {
    setBusy(true);
    try {
      const made = await api.send<ApprovedIntent>("POST", "/webhooks/intent", { name, redirect_uri });
      // The address is one that the operator has listed; the server has put it together.
      location.assign(made.location);
    } catch (reason) {
      setError(asApiError(reason));
      setBusy(false);
    }
  };
  return (
    <div className="stack webhook-wish">
      {error !== undefined && (
        <p className="callout callout-error" role="alert">
          {error.code === "already-exists" ? t("There is a webhook with this name.") : error.message}
        </p>
      )}
      <p>
        {rich("{name} asks for a webhook. Its URL would be given to {host}.", {
          name: <strong>{name}</strong>,
          host: <strong dir="ltr">{host}</strong>,
        })}
      </p>
      <p className="muted">
        {t(
          "Whoever has the URL can start workflows. The webhook would be called {name}; it can be deleted at any time.",
          {
            name: webhook,
          },
        )}
      </p>
      <div className="row">
        <Button look="primary" testId="approve-intent" disabled={isBusy} onClick={() => void approve()}>
          {t("Make it, and go back to {host}", { host })}
        </Button>
        <Button onClick={() => navigate(pathTo("webhooks"))}>{t("Cancel")}</Button>
      </div>
    </div>
  );
}
