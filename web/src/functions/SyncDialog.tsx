import { useState } from "react";
import { t } from "../locale/locale";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { LabelledField } from "../shell/ui/LabelledField";
import { useBusy } from "../shell/useBusy";
import { syncApp } from "./AppCards";

interface SyncDialogProps {
  readonly onClose: () => void;
  readonly onSynced: () => void;
}

/** Asks for the address of an app, and has it register its functions. */
export function SyncDialog({ onClose, onSynced }: SyncDialogProps): React.JSX.Element {
  const [url, setUrl] = useState("");
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [isBusy, begin] = useBusy();
  const sync = (): void =>
    begin(async () => {
      const made = await syncApp(url.trim());
      onSynced();
      if (made.status === "failed") setProblem(made.error ?? undefined);
      else onClose();
    });
  return (
    <Dialog
      title={t("Sync an app")}
      size="small"
      onClose={onClose}
      testId="sync-dialog"
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="primary" testId="confirm-sync" disabled={isBusy || url.trim() === ""} onClick={sync}>
            {t("Sync")}
          </Button>
        </>
      }
    >
      <div className="stack">
        <p className="muted">
          {t(
            "An app that is written with an SDK of Inngest registers its functions when it is asked to. It is called with a signature, if there is a signing key.",
          )}
        </p>
        <LabelledField label={t("Address")} problem={problem}>
          <input
            className="input"
            type="url"
            data-autofocus
            placeholder="https://shop.example.com/api/inngest"
            value={url}
            onChange={(event) => setUrl(event.target.value)}
          />
        </LabelledField>
      </div>
    </Dialog>
  );
}
