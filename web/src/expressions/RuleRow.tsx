import { Suspense, useId, useState } from "react";
import type { Json } from "../base/json";
import { isEqual } from "../base/json";
import { hasReference } from "../document/references";
import { t, withPanelWords } from "../locale/locale";
import { later } from "../shell/later";
import { IconButton } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";
import { ReferencePicker } from "./ReferencePicker";
import type { Dialect, Rule, Side } from "./rows";
import type { Variables } from "./variables";

const ExpressionField = later(() =>
  withPanelWords(() => import("./ExpressionField")).then((module) => module.ExpressionField),
);

interface RuleRowProps {
  readonly dialect: Dialect;
  readonly rule: Rule;
  readonly variables: Variables | undefined;
  readonly isReadOnly: boolean;
  readonly onChange: (rule: Rule) => void;
  readonly onRemove: () => void;
}

/** A row: a field or a value, an operator, and what it is compared with. */
export function RuleRow({ dialect, rule, variables, isReadOnly, onChange, onRemove }: RuleRowProps): React.JSX.Element {
  const operators = dialect.operators(rule, variables);
  const operator = operators.find(([name]) => name === rule.operator)?.[1];
  const note = dialect.noteOn(rule, variables);
  const shared = { dialect, rule, variables, isReadOnly };
  return (
    <div className="condition-rule">
      <Operand
        {...shared}
        side={dialect.left}
        value={rule.left}
        testId="condition-left"
        onChange={(next) => onChange(dialect.withLeft(rule, next, variables))}
      />
      <div className="row">
        <select
          className="input"
          aria-label={t("Operator")}
          data-testid="condition-operator"
          disabled={isReadOnly}
          value={rule.operator}
          onChange={(event) => onChange(dialect.withOperator(rule, event.target.value))}
        >
          {operators.map(([name, { label }]) => (
            <option key={name} value={name}>
              {t(label)}
            </option>
          ))}
        </select>
        {!isReadOnly && <IconButton icon="trash" className="small" label={t("Remove this row")} onClick={onRemove} />}
      </div>
      {operator?.hasValue === true &&
        (dialect.isYesOrNo(rule, variables) ? (
          <YesOrNo value={rule.right} isReadOnly={isReadOnly} onChange={(next) => onChange({ ...rule, right: next })} />
        ) : (
          <Operand
            {...shared}
            side={dialect.right}
            value={rule.right}
            testId="condition-right"
            onChange={(next) => onChange({ ...rule, right: next })}
          />
        ))}
      {note?.isWarning === true && (
        <p className="field-error field-error-warning" role="status" data-testid="condition-warning">
          <Icon name="alert" size={13} />
          <span>{note.text}</span>
        </p>
      )}
      {note?.isWarning === false && <p className="field-help">{note.text}</p>}
    </div>
  );
}

interface YesOrNoProps {
  readonly value: Json;
  readonly isReadOnly: boolean;
  readonly onChange: (value: Json) => void;
}

function YesOrNo({ value, isReadOnly, onChange }: YesOrNoProps): React.JSX.Element {
  return (
    <select
      className="input"
      aria-label={t("Compared with")}
      data-testid="condition-right"
      disabled={isReadOnly}
      value={value === null ? "" : String(value)}
      onChange={(event) => onChange(event.target.value === "true")}
    >
      {value === null && <option value="">—</option>}
      <option value="true">{t("yes")}</option>
      <option value="false">{t("no")}</option>
    </select>
  );
}

interface OperandProps {
  readonly dialect: Dialect;
  readonly side: Side;
  readonly rule: Rule;
  readonly value: Json;
  readonly testId: string;
  readonly variables: Variables | undefined;
  readonly isReadOnly: boolean;
  readonly onChange: (value: Json) => void;
}

/** One side of a comparison. What is typed is kept as typed, as long as it means the value. */
function Operand(props: OperandProps): React.JSX.Element {
  const { dialect, side, rule, value, testId, variables, isReadOnly, onChange } = props;
  const [draft, setDraft] = useState<string | undefined>(undefined);
  // Who types a reference goes on in the field where it was begun, and who rewrites one in that where it is a chip.
  const [isTyping, setTyping] = useState(false);
  const [isKept, setKept] = useState(false);
  const label = t(side.label);
  const isTyped = draft !== undefined && isEqual(side.parse(draft, rule, variables), value);
  const shown = isTyped ? draft : side.show(rule, variables);
  const type = (text: string): void => {
    setDraft(text);
    onChange(side.parse(text, rule, variables));
  };
  const hasChips = dialect.hasReferences && (isKept || (hasReference(value) && !isTyping));
  return (
    <div className="row">
      {variables !== undefined && hasChips ? (
        <Suspense fallback={<div className="input field-loading" />}>
          <ExpressionField
            label={label}
            testId={testId}
            value={shown}
            isLong={false}
            isReadOnly={isReadOnly}
            variables={variables}
            onChange={(next) => {
              setKept(true);
              type(String(next ?? ""));
            }}
          />
        </Suspense>
      ) : (
        <PlainOperand
          label={label}
          testId={testId}
          offered={side.offered(rule, variables)}
          isReadOnly={isReadOnly}
          value={shown}
          onChange={(text) => {
            setTyping(true);
            type(text);
          }}
          onLeave={() => setTyping(false)}
        />
      )}
      {variables !== undefined && !isReadOnly && (
        <ReferencePicker variables={variables} label={label} onPick={(reference) => onChange(side.pick(reference))} />
      )}
    </div>
  );
}

interface PlainOperandProps {
  readonly label: string;
  readonly testId: string;
  readonly offered: readonly string[];
  readonly isReadOnly: boolean;
  readonly value: string;
  readonly onChange: (text: string) => void;
  readonly onLeave: () => void;
}

function PlainOperand(props: PlainOperandProps): React.JSX.Element {
  const { label, testId, offered, isReadOnly, value, onChange, onLeave } = props;
  const id = useId();
  return (
    <>
      <input
        className="input mono"
        aria-label={label}
        placeholder={label}
        data-testid={testId}
        autoComplete="off"
        spellCheck={false}
        list={offered.length > 0 ? id : undefined}
        disabled={isReadOnly}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onBlur={onLeave}
      />
      {offered.length > 0 && (
        <datalist id={id}>
          {offered.map((text) => (
            <option key={text} value={text} />
          ))}
        </datalist>
      )}
    </>
  );
}
