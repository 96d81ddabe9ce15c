import { useId, useState } from "react";
import type { Json } from "../base/json";
import { JsonArea } from "../config/fields/AnyControl";
import { Button, IconButton } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";
import { textBySize } from "./comparing";
import type { OperatorName, Rule, RuleGroup } from "./logic";
import { OPERATORS, parseOperand, readRule, writeOperand, writeRule } from "./logic";
import { ReferencePicker } from "./ReferencePicker";
import type { Variables } from "./variables";
import "./expressions.css";
import { t } from "../locale/locale";

interface ConditionFieldProps {
  readonly label: string;
  readonly value: Json | undefined;
  readonly variables: Variables | undefined;
  readonly isReadOnly: boolean;
  readonly onChange: (value: Json | undefined) => void;
}

const NEW_RULE: Rule = { kind: "rule", left: "", operator: "equals", right: "" };

/** A condition as rows of field, operator and value, or, for those who want it, as JSON Logic. */
export function ConditionField({
  label,
  value,
  variables,
  isReadOnly,
  onChange,
}: ConditionFieldProps): React.JSX.Element {
  const [isRaw, setRaw] = useState(false);
  const id = useId();
  const group = readRule(value);
  return (
    <div className="condition" data-testid="condition">
      <div className="segments" role="group" aria-label={t("Form of {label}", { label })}>
        <button
          type="button"
          aria-pressed={!isRaw && group !== undefined}
          disabled={group === undefined}
          onClick={() => setRaw(false)}
        >
          {t("Rows")}
        </button>
        <button type="button" aria-pressed={isRaw || group === undefined} onClick={() => setRaw(true)}>
          {t("JSON Logic")}
        </button>
      </div>
      {isRaw || group === undefined ? (
        <>
          <label className="visually-hidden" htmlFor={id}>
            {t("{label} as JSON Logic", { label })}
          </label>
          <JsonArea id={id} pointer="/condition" value={value} isReadOnly={isReadOnly} onChange={onChange} />
        </>
      ) : (
        <GroupRows
          group={group}
          variables={variables}
          isReadOnly={isReadOnly}
          onChange={(next) => onChange(writeRule(next))}
        />
      )}
    </div>
  );
}

interface GroupRowsProps {
  readonly group: RuleGroup;
  readonly variables: Variables | undefined;
  readonly isReadOnly: boolean;
  readonly onChange: (group: RuleGroup) => void;
}

function GroupRows({ group, variables, isReadOnly, onChange }: GroupRowsProps): React.JSX.Element {
  const { members, join } = group;
  const replace = (index: number, ...next: readonly (Rule | RuleGroup)[]): void =>
    onChange({ ...group, members: members.toSpliced(index, 1, ...next) });
  return (
    <div className="condition-group">
      {members.map((member, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- rows have nothing of their own to be told apart by
        <div key={index} className="condition-member">
          {index > 0 && (
            <select
              className="input condition-join"
              aria-label={t("How the rows are joined")}
              disabled={isReadOnly}
              value={join}
              onChange={(event) => onChange({ ...group, join: event.target.value === "or" ? "or" : "and" })}
            >
              <option value="and">{t("and")}</option>
              <option value="or">{t("or")}</option>
            </select>
          )}
          {member.kind === "group" ? (
            <GroupRows
              group={member}
              variables={variables}
              isReadOnly={isReadOnly}
              onChange={(next) => replace(index, ...(next.members.length === 0 ? [] : [next]))}
            />
          ) : (
            <RuleRow
              rule={member}
              variables={variables}
              isReadOnly={isReadOnly}
              onChange={(next) => replace(index, next)}
              onRemove={() => replace(index)}
            />
          )}
        </div>
      ))}
      {!isReadOnly && (
        <div className="row">
          <Button
            icon="plus"
            look="quiet"
            className="field-add"
            testId="condition-add"
            onClick={() => onChange({ ...group, members: [...members, NEW_RULE] })}
          >
            {t("Add a row")}
          </Button>
          {members.length > 0 && (
            <Button
              icon="plus"
              look="quiet"
              className="field-add"
              onClick={() =>
                onChange({
                  ...group,
                  members: [
                    ...members,
                    { kind: "group", join: join === "and" ? "or" : "and", members: [NEW_RULE, NEW_RULE] },
                  ],
                })
              }
            >
              {t("Add a group")}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

interface RuleRowProps {
  readonly rule: Rule;
  readonly variables: Variables | undefined;
  readonly isReadOnly: boolean;
  readonly onChange: (rule: Rule) => void;
  readonly onRemove: () => void;
}

function RuleRow({ rule, variables, isReadOnly, onChange, onRemove }: RuleRowProps): React.JSX.Element {
  const { left, operator, right } = rule;
  const text = textBySize(rule, variables);
  return (
    <div className="condition-rule">
      <Operand
        label={t("Value")}
        testId="condition-left"
        value={left}
        variables={variables}
        isReadOnly={isReadOnly}
        onChange={(next) => onChange({ ...rule, left: next })}
      />
      <div className="row">
        <select
          className="input"
          aria-label={t("Operator")}
          data-testid="condition-operator"
          disabled={isReadOnly}
          value={operator}
          onChange={(event) => onChange({ ...rule, operator: event.target.value as OperatorName })}
        >
          {Object.entries(OPERATORS).map(([name, { label }]) => (
            <option key={name} value={name}>
              {t(label)}
            </option>
          ))}
        </select>
        {!isReadOnly && <IconButton icon="trash" className="small" label={t("Remove this row")} onClick={onRemove} />}
      </div>
      {OPERATORS[operator].hasValue && (
        <Operand
          label={t("Compared with")}
          testId="condition-right"
          value={right}
          variables={variables}
          isReadOnly={isReadOnly}
          onChange={(next) => onChange({ ...rule, right: next })}
        />
      )}
      {text !== undefined && (
        <p className="field-error field-error-warning" role="status" data-testid="condition-warning">
          <Icon name="alert" size={13} />
          <span>
            {t(
              "“{text}” is a text, and no number: it has no size. To compare a value of the event or of a step, choose it with the braces.",
              { text },
            )}
          </span>
        </p>
      )}
    </div>
  );
}

interface OperandProps {
  readonly label: string;
  readonly testId: string;
  readonly value: Json;
  readonly variables: Variables | undefined;
  readonly isReadOnly: boolean;
  readonly onChange: (value: Json) => void;
}

/** One side of a comparison. What is typed is kept as typed, as long as it means the value. */
function Operand({ label, testId, value, variables, isReadOnly, onChange }: OperandProps): React.JSX.Element {
  const [draft, setDraft] = useState<string | undefined>(undefined);
  const shown =
    draft !== undefined && JSON.stringify(parseOperand(draft)) === JSON.stringify(value) ? draft : writeOperand(value);
  return (
    <div className="row">
      <input
        className="input mono"
        aria-label={label}
        placeholder={label}
        data-testid={testId}
        disabled={isReadOnly}
        value={shown}
        onChange={(event) => {
          setDraft(event.target.value);
          onChange(parseOperand(event.target.value));
        }}
      />
      {variables !== undefined && !isReadOnly && (
        <ReferencePicker variables={variables} label={label} onPick={onChange} />
      )}
    </div>
  );
}
