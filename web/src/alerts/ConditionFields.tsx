import { t } from "../locale/locale";
import type { Change } from "./AlertDialog";
import { LabelledField } from "../shell/ui/LabelledField";
import type { Kind, RuleForm } from "./rule";
import { KIND_LABELS } from "./rule";

interface ConditionFieldsProps {
  readonly form: RuleForm;
  readonly problems: ReadonlyMap<string, string>;
  readonly onChange: Change;
}

/** When a rule fires: the kind of condition, and its numbers. */
export function ConditionFields({ form, problems, onChange }: ConditionFieldsProps): React.JSX.Element {
  return (
    <>
      <LabelledField label={t("Fires when")} problem={problems.get("/condition/kind")}>
        <select
          className="input"
          value={form.kind}
          onChange={(event) => onChange({ kind: event.target.value as Kind })}
        >
          {Object.entries(KIND_LABELS).map(([kind, label]) => (
            <option key={kind} value={kind}>
              {t(label)}
            </option>
          ))}
        </select>
      </LabelledField>
      {form.kind === "failure_rate" ? (
        <div className="fields-beside">
          <NumberField
            label={t("Failed, in percent")}
            value={form.percent}
            problem={problems.get("/condition/rate")}
            onChange={(percent) => onChange({ percent })}
          />
          <NumberField
            label={t("Of at least so many runs")}
            value={form.minRuns}
            problem={problems.get("/condition/min_runs")}
            onChange={(minRuns) => onChange({ minRuns })}
          />
        </div>
      ) : (
        <NumberField
          label={t("Failed runs")}
          value={form.failures}
          problem={problems.get("/condition/failures")}
          onChange={(failures) => onChange({ failures })}
        />
      )}
    </>
  );
}

interface NumberFieldProps {
  readonly label: string;
  readonly value: string;
  readonly problem: string | undefined;
  readonly onChange: (text: string) => void;
}

function NumberField({ label, value, problem, onChange }: NumberFieldProps): React.JSX.Element {
  return (
    <LabelledField label={label} problem={problem}>
      <input className="input" type="number" min={1} value={value} onChange={(event) => onChange(event.target.value)} />
    </LabelledField>
  );
}
