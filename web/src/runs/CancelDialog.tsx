import { useState } from "react";
import { api } from "../api/session";
import { asApiError } from "../api/useLoaded";
import { t } from "../locale/locale";
import { notify } from "../shell/notices";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";

interface CancelDialogProps {
  readonly runId: string;
  readonly onClose: () => void;
  readonly onCancelled: () => void;
}

/** Asks why, and cancels a run. */
export function CancelDialog({ runId, onClose, onCancelled }: CancelDialogProps): React.JSX.Element {
  const [reason, setReason] = useState("");
  const [isBusy, setBusy] = useState(false);
  const cancel = async (): Promise<void> => {
    setBusy(true);
    try {
      await api.cancelRun(runId, reason.trim());
      onClose();
    } catch (error) {
      notify(asApiError(error).message, "error");
      setBusy(false);
    }
    onCancelled();
  };
  return (
    <Dialog
      title={t("Cancel this run?")}
      size="small"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t("Let it go on")}</Button>
          <Button look="primary" testId="confirm-cancel" disabled={isBusy} onClick={() => void cancel()}>
            {t("Cancel the run")}
          </Button>
        </>
      }
    >
      <div className="stack">
        <p className="muted">
          {t("No further step starts. What is running just now goes on to its end and changes nothing.")}
        </p>
        <label className="field">
          <span className="field-label">{t("Why")}</span>
          <input
            className="input"
            data-autofocus
            data-testid="cancel-reason"
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        </label>
      </div>
    </Dialog>
  );
}
