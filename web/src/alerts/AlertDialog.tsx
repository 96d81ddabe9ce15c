import { useState } from "react";
import type { Alert } from "../api/schema";
import { api } from "../api/session";
import { asApiError } from "../api/useLoaded";
import { problemText } from "../problems/words";
import { t } from "../locale/locale";
import { notify } from "../shell/notices";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { ConditionFields } from "./ConditionFields";
import { LabelledField } from "../shell/ui/LabelledField";
import type { RuleForm } from "./rule";
import { NEW_RULE, SPANS, formOf, ruleOf, spanText } from "./rule";

interface AlertDialogProps {
  /** The rule to change; none for a new one. */
  readonly alert: Alert | undefined;
  readonly onClose: () => void;
  readonly onSaved: () => void;
}

export type Change = (values: Partial<RuleForm>) => void;

/** Makes or changes a rule. What the server refuses stands at the field that it is about. */
export function AlertDialog({ alert, onClose, onSaved }: AlertDialogProps): React.JSX.Element {
  const [form, setForm] = useState<RuleForm>(() => (alert === undefined ? NEW_RULE : formOf(alert)));
  const [problems, setProblems] = useState<ReadonlyMap<string, string>>(new Map());
  const [isBusy, setBusy] = useState(false);
  const change: Change = (values) => setForm((old) => ({ ...old, ...values }));
  const save = async (): Promise<void> => {
    setBusy(true);
    try {
      const path = alert === undefined ? "/alerts" : `/alerts/${encodeURIComponent(alert.id)}`;
      await api.send(alert === undefined ? "POST" : "PUT", path, ruleOf(form));
      onSaved();
      onClose();
    } catch (reason) {
      const error = asApiError(reason);
      setProblems(new Map(error.problems.map((problem) => [problem.pointer, problemText(problem)])));
      if (error.problems.length === 0) notify(error.message, "error");
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={alert === undefined ? t("New rule") : t("Edit the rule")}
      onClose={onClose}
      testId="alert-dialog"
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="primary" testId="save-alert" disabled={isBusy} onClick={() => void save()}>
            {t("Save")}
          </Button>
        </>
      }
    >
      <div className="stack">
        <LabelledField label={t("Name")} problem={problems.get("/name")}>
          <input
            className="input"
            data-autofocus
            value={form.name}
            placeholder={t("Orders fail")}
            onChange={(event) => change({ name: event.target.value })}
          />
        </LabelledField>
        <LabelledField
          label={t("Workflow or function")}
          problem={problems.get("/workflow_id")}
          help={t("Empty for all")}
        >
          <input
            className="input"
            value={form.workflowId}
            onChange={(event) => change({ workflowId: event.target.value })}
          />
        </LabelledField>
        <ConditionFields form={form} problems={problems} onChange={change} />
        <div className="fields-beside">
          <SpanField
            label={t("Looks back")}
            value={form.windowSeconds}
            problem={problems.get("/window_seconds")}
            onChange={(windowSeconds) => change({ windowSeconds })}
          />
          <SpanField
            label={t("Recovers after")}
            value={form.quietSeconds}
            problem={problems.get("/quiet_seconds")}
            onChange={(quietSeconds) => change({ quietSeconds })}
          />
        </div>
      </div>
    </Dialog>
  );
}

interface SpanFieldProps {
  readonly label: string;
  readonly value: number;
  readonly problem: string | undefined;
  readonly onChange: (seconds: number) => void;
}

function SpanField({ label, value, problem, onChange }: SpanFieldProps): React.JSX.Element {
  const isKnown = SPANS.includes(value);
  return (
    <LabelledField label={label} problem={problem}>
      <select className="input" value={value} onChange={(event) => onChange(Number(event.target.value))}>
        {!isKnown && <option value={value}>{spanText(value)}</option>}
        {SPANS.map((seconds) => (
          <option key={seconds} value={seconds}>
            {spanText(seconds)}
          </option>
        ))}
      </select>
    </LabelledField>
  );
}
