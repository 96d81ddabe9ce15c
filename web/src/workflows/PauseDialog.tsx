import { useState } from "react";
import type { Pause } from "../api/schema";
import { api } from "../api/session";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { LabelledField } from "../shell/ui/LabelledField";
import { useBusy } from "../shell/useBusy";

interface PauseDialogProps {
  /** `null` for all workflows. */
  readonly workflowId: string | null;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

const MOST_CHARS = 500;
const MEANING: Readonly<Record<Pause["running"], Message>> = {
  freeze:
    "Steps that are running end, and no next one starts until it is resumed. What is frozen for 7 days is cancelled.",
  cancel: "The runs there are end now. That cannot be taken back.",
};

/** Asks what becomes of the runs there are, and why, and pauses a workflow, or all of them. */
export function PauseDialog({ workflowId, onClose, onDone }: PauseDialogProps): React.JSX.Element {
  const [running, setRunning] = useState<Pause["running"]>("freeze");
  const [reason, setReason] = useState("");
  const [isBusy, begin] = useBusy();
  const pause = (): void =>
    begin(async () => {
      const why = reason.trim() === "" ? {} : { reason: reason.trim() };
      await api.hold(workflowId, "pause", { running, ...why }).finally(onDone);
      onClose();
    });
  return (
    <Dialog
      title={t("Pause {name}", { name: workflowId ?? t("all workflows") })}
      onClose={onClose}
      size="small"
      testId="pause"
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look={running === "cancel" ? "danger" : "primary"} disabled={isBusy} onClick={pause}>
            {t("Pause")}
          </Button>
        </>
      }
    >
      <div className="stack">
        <p className="muted">
          {t("Events that come meanwhile are stored and start nothing, not then and not later by themselves.")}
        </p>
        <LabelledField label={t("Its runs")} help={t(MEANING[running])}>
          <select
            className="input"
            data-autofocus
            value={running}
            onChange={(event) => setRunning(event.target.value as Pause["running"])}
          >
            <option value="freeze">{t("Freeze them")}</option>
            <option value="cancel">{t("Cancel them")}</option>
          </select>
        </LabelledField>
        <LabelledField label={t("Why")} help={t("Shown in the list, and kept in the audit log")}>
          <input
            className="input"
            maxLength={MOST_CHARS}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        </LabelledField>
      </div>
    </Dialog>
  );
}
