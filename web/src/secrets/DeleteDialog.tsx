import { useState } from "react";
import type { ApiError } from "../api/client";
import type { Secret } from "../api/schema";
import { api } from "../api/session";
import { asApiError } from "../api/useLoaded";
import { listed, t } from "../locale/locale";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { useBusy } from "../shell/useBusy";

interface DeleteDialogProps {
  readonly secret: Secret;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

/** Asks before a secret is deleted, and says what that does to workflows. */
export function DeleteDialog({ secret, onClose, onDeleted }: DeleteDialogProps): React.JSX.Element {
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const [isBusy, begin] = useBusy();
  const users = secret.used_by ?? [];
  const remove = async (): Promise<void> => {
    try {
      await api.send("DELETE", `/secrets/${encodeURIComponent(secret.name)}${users.length > 0 ? "?force=true" : ""}`);
    } catch (reason) {
      return setError(asApiError(reason));
    }
    onDeleted();
    return onClose();
  };
  return (
    <Dialog
      title={t("Delete {name}?", { name: secret.name })}
      size="small"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="danger" testId="delete-secret" disabled={isBusy} onClick={() => begin(remove)}>
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
        <p>
          {users.length > 0
            ? t("It is used by {names}: steps that are given it fail from now on.", { names: listed(users) })
            : t("No published workflow uses it. Its value cannot be brought back.")}
        </p>
      </div>
    </Dialog>
  );
}
