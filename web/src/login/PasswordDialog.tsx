import { useId, useState } from "react";
import type { ApiError } from "../api/client";
import { api } from "../api/session";
import { asApiError } from "../api/useLoaded";
import { problemText } from "../problems/words";
import { t } from "../locale/locale";
import { notify } from "../shell/notices";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";

/** Another password for oneself; the other sessions end with the old one. */
export function PasswordDialog({ onClose }: { readonly onClose: () => void }): React.JSX.Element {
  const [old, setOld] = useState("");
  const [password, setPassword] = useState("");
  const formId = useId();
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const change = async (): Promise<void> => {
    try {
      await api.send("PUT", "/session/password", { old_password: old, password });
    } catch (reason) {
      return setError(asApiError(reason));
    }
    notify(t("Your password is changed. You are logged out everywhere else."));
    return onClose();
  };
  return (
    <Dialog
      title={t("Change password")}
      size="small"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <button type="submit" form={formId} className="button button-primary">
            {t("Change password")}
          </button>
        </>
      }
    >
      <form
        id={formId}
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void change();
        }}
      >
        {error !== undefined && (
          <p className="callout callout-error" role="alert">
            {error.problems[0] === undefined ? error.message : problemText(error.problems[0])}
          </p>
        )}
        <label className="field">
          <span className="field-label">{t("Password so far")}</span>
          <input
            className="input"
            type="password"
            autoComplete="current-password"
            required
            data-autofocus
            value={old}
            onChange={(event) => setOld(event.target.value)}
          />
        </label>
        <label className="field">
          <span className="field-label">{t("New password")}</span>
          <input
            className="input"
            type="password"
            autoComplete="new-password"
            minLength={12}
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
          <span className="field-help">{t("12 characters or more.")}</span>
        </label>
      </form>
    </Dialog>
  );
}
