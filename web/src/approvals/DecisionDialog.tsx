import { useState } from "react";
import type { Approval, NewDecision } from "../api/schema";
import { api } from "../api/session";
import { asApiError } from "../api/useLoaded";
import type { JsonObject } from "../base/json";
import type { FieldMessage } from "../config/form";
import { refusedData, withoutField } from "../config/problems";
import { t } from "../locale/locale";
import { notify } from "../shell/notices";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { DecisionForm, beginningOf } from "./DecisionForm";

interface DecisionDialogProps {
  readonly approval: Approval;
  readonly onClose: () => void;
  readonly onDecided: (decided: Approval) => void;
}

const NONE: ReadonlyMap<string, FieldMessage> = new Map();

/** Asks for a decision, with whatever the approval's form wants to know. */
export function DecisionDialog({ approval, onClose, onDecided }: DecisionDialogProps): React.JSX.Element {
  const [comment, setComment] = useState("");
  const [data, setData] = useState<JsonObject>(() => beginningOf(approval.form));
  const [problems, setProblems] = useState(NONE);
  const [isBusy, setBusy] = useState(false);
  const decide = async (decision: NewDecision["decision"]): Promise<void> => {
    setBusy(true);
    const asksForData = approval.form !== null && decision === "approved";
    try {
      const decided = await api.decide(approval.id, { decision, comment, ...(asksForData ? { data } : {}) });
      onClose();
      onDecided(decided);
    } catch (reason) {
      const error = asApiError(reason);
      setProblems(refusedData(error.problems));
      if (error.code !== "invalid-form") notify(error.message, "error"); // else it stands at the fields
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={approval.title}
      onClose={onClose}
      testId="decision"
      footer={
        <>
          <Button look="danger" testId="reject" disabled={isBusy} onClick={() => void decide("rejected")}>
            {t("Reject")}
          </Button>
          <Button look="primary" testId="approve" disabled={isBusy} onClick={() => void decide("approved")}>
            {t("Approve")}
          </Button>
        </>
      }
    >
      <div className="stack">
        <DecisionForm
          description={approval.description}
          form={approval.form}
          data={data}
          problems={problems}
          onChange={(changed, pointer) => {
            setData(changed);
            setProblems(withoutField(problems, pointer));
          }}
        />
        <label className="field">
          <span className="field-label">{t("Comment")}</span>
          <textarea className="input" value={comment} onChange={(event) => setComment(event.target.value)} />
        </label>
      </div>
    </Dialog>
  );
}
