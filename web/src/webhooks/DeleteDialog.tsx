import { useState } from "react";
import type { ApiError } from "../api/client";
import type { Webhook } from "../api/schema";
import { api } from "../api/session";
import { asApiError } from "../api/useLoaded";
import { listed, t } from "../locale/locale";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { useBusy } from "../shell/useBusy";

interface DeleteDialogProps {
  readonly webhook: Webhook;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

/** Asks before a webhook is deleted, and says which workflows it starts. */
export function DeleteDialog({ webhook, onClose, onDeleted }: DeleteDialogProps): React.JSX.Element {
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const [isBusy, begin] = useBusy();
  const users = webhook.used_by ?? [];
  const remove = async (): Promise<void> => {
    try {
      await api.send("DELETE", `/webhooks/${encodeURIComponent(webhook.name)}`);
    } catch (reason) {
      return setError(asApiError(reason));
    }
    onClose();
    return onDeleted();
  };
  return (
    <Dialog
      title={t("Delete {name}?", { name: webhook.name })}
      size="small"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="danger" testId="delete-webhook" disabled={isBusy} onClick={() => begin(remove)}>
            {t("Delete")}
          </Button>
        </>
      }
    >
      <div className="stack">
        {error !== undefined && (
          <p className="callout callout-error" role="alert">
            {error.message}
          </p>
        )}
        <p>{t("Its URL ends at once, for good. Events that came through it stay.")}</p>
        {users.length > 0 && (
          <p className="callout" data-testid="webhook-users">
            {t("Workflows that start from it: {names}. Nothing starts them by it any more.", { names: listed(users) })}
          </p>
        )}
      </div>
    </Dialog>
  );
}
