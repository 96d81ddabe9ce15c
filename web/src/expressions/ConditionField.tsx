import { useId, useState } from "react";
import type { Json } from "../base/json";
import { isEqual } from "../base/json";
import { JsonArea } from "../config/fields/AnyControl";
import { Button } from "../shell/ui/Button";
import { EXPRESSION } from "./celDialect";
import { JSON_LOGIC } from "./logicDialect";
import { RuleRow } from "./RuleRow";
import type { Dialect, Rule, RuleGroup } from "./rows";
import { JOINS } from "./rows";
import type { Variables } from "./variables";
import "./expressions.css";
import { t } from "../locale/locale";

interface ConditionFieldProps {
  readonly label: string;
  readonly pointer: string;
  /** What it is written in; both are shown as the same rows. */
  readonly language: "json-logic" | "expression";
  readonly value: Json | undefined;
  readonly variables: Variables | undefined;
  readonly isReadOnly: boolean;
  readonly onChange: (value: Json | undefined) => void;
}

const EXAMPLE = "event.data.total > 100";

/** Rows as they were edited: also those that are not complete, which the condition does not have yet. */
interface Draft {
  readonly group: RuleGroup;
  readonly value: Json | undefined;
}

/** A condition as rows of field, operator and value, or, for those who want it, as it is written. */
export function ConditionField(props: ConditionFieldProps): React.JSX.Element {
  const { label, language, value, variables, isReadOnly, onChange } = props;
  const dialect = language === "expression" ? EXPRESSION : JSON_LOGIC;
  const [isRaw, setRaw] = useState(false);
  const [draft, setDraft] = useState<Draft>();
  const group = draft !== undefined && isEqual(draft.value, value) ? draft.group : dialect.read(value);
  const change = (next: RuleGroup): void => {
    const written = dialect.write(next);
    setDraft({ group: next, value: written });
    onChange(written);
  };
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
          {t(dialect.codeLabel)}
        </button>
      </div>
      {group === undefined && (
        <p className="field-help" data-testid="condition-is-code">
          {t("Rows cannot show this condition. It stays as it is written.")}
        </p>
      )}
      {isRaw || group === undefined ? (
        <Code {...props} dialect={dialect} />
      ) : (
        <GroupRows dialect={dialect} group={group} variables={variables} isReadOnly={isReadOnly} onChange={change} />
      )}
    </div>
  );
}

/** The condition as it is written. */
function Code(props: ConditionFieldProps & { readonly dialect: Dialect }): React.JSX.Element {
  const { dialect, label, pointer, language, value, isReadOnly, onChange } = props;
  const id = useId();
  return (
    <>
      <label className="visually-hidden" htmlFor={id}>
        {t("{label} as {language}", { label, language: t(dialect.codeLabel) })}
      </label>
      {language === "json-logic" ? (
        <JsonArea id={id} pointer={pointer} value={value} isReadOnly={isReadOnly} onChange={onChange} />
      ) : (
        <textarea
          id={id}
          className="input mono"
          dir="ltr"
          data-testid={`field-${pointer}`}
          spellCheck={false}
          placeholder={EXAMPLE}
          disabled={isReadOnly}
          value={typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value)}
          onChange={({ target }) => onChange(target.value === "" ? undefined : target.value)}
        />
      )}
    </>
  );
}

interface GroupRowsProps {
  readonly dialect: Dialect;
  readonly group: RuleGroup;
  readonly variables: Variables | undefined;
  readonly isReadOnly: boolean;
  readonly onChange: (group: RuleGroup) => void;
}

function GroupRows({ dialect, group, variables, isReadOnly, onChange }: GroupRowsProps): React.JSX.Element {
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
              data-testid="condition-join"
              disabled={isReadOnly}
              value={join}
              onChange={(event) => onChange({ ...group, join: event.target.value === "or" ? "or" : "and" })}
            >
              {JOINS.map((name) => (
                <option key={name} value={name}>
                  {t(name)}
                </option>
              ))}
            </select>
          )}
          {member.kind === "group" ? (
            <GroupRows
              dialect={dialect}
              group={member}
              variables={variables}
              isReadOnly={isReadOnly}
              onChange={(next) => replace(index, ...(next.members.length === 0 ? [] : [next]))}
            />
          ) : (
            <RuleRow
              dialect={dialect}
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
            onClick={() => onChange({ ...group, members: [...members, dialect.blank] })}
          >
            {t("Add a row")}
          </Button>
          {members.length > 0 && (
            <Button
              icon="plus"
              look="quiet"
              className="field-add"
              onClick={() => {
                const added: RuleGroup = {
                  kind: "group",
                  join: join === "and" ? "or" : "and",
                  members: [dialect.blank, dialect.blank],
                };
                onChange({ ...group, members: [...members, added] });
              }}
            >
              {t("Add a group")}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}
