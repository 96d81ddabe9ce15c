import { useId, useState } from "react";
import { summary } from "../../base/json";
import type { Message } from "../../locale/locale";
import { t } from "../../locale/locale";
import { IconButton } from "../../shell/ui/Button";
import { humanize } from "../schema";
import { KIND_WORDS } from "./kinds";
import type { NameProblem, Row, RowKind } from "./rows";
import { ROW_KINDS, labelled, linesOf, nameProblem, ofKind } from "./rows";

interface RowCardProps {
  readonly row: Row;
  readonly rows: readonly Row[];
  /** What it is called for people. */
  readonly name: string;
  readonly onMove: (step: number) => void;
  /** Told while it is dragged: the height in the window. */
  readonly onDrag: (y: number) => void;
  /** It is let go of; not meant to, if something has taken the pointer away. */
  readonly onDrop: (isMeant: boolean) => void;
  readonly onChange: (row: Row) => void;
  readonly onRemove: () => void;
}

/** One field of a form: what it is called, what it asks for, and whether it has to be filled in. */
export function RowCard({
  row,
  rows,
  name,
  onMove,
  onDrag,
  onDrop,
  onChange,
  onRemove,
}: RowCardProps): React.JSX.Element {
  const id = useId();
  const kinds: readonly RowKind[] = row.kind === "other" ? [...ROW_KINDS, "other"] : ROW_KINDS;
  return (
    <fieldset className="builder-card" aria-label={name}>
      <div className="builder-line">
        <IconButton
          icon="dots"
          className="small builder-handle"
          label={t("Move {name}: drag it, or press the arrow keys", { name })}
          onPointerDown={(event) => {
            if (event.button === 0) event.currentTarget.setPointerCapture(event.pointerId);
          }}
          onPointerMove={(event) => {
            if (event.currentTarget.hasPointerCapture(event.pointerId)) onDrag(event.clientY);
          }}
          onPointerUp={() => onDrop(true)}
          onPointerCancel={() => onDrop(false)}
          onKeyDown={(event) => {
            if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
            event.preventDefault();
            onMove(event.key === "ArrowUp" ? -1 : 1);
          }}
        />
        <input
          className="input builder-label"
          aria-label={t("Label")}
          placeholder={row.isUnnamed ? t("What is asked, such as Amount") : humanize(row.name)}
          value={row.label}
          onChange={({ target }) => onChange(labelled(row, target.value, rows))}
        />
        <select
          className="input builder-kind"
          aria-label={t("Kind")}
          value={row.kind}
          onChange={({ target }) => onChange(ofKind(row, target.value as RowKind))}
        >
          {kinds.map((kind) => (
            <option key={kind} value={kind}>
              {t(KIND_WORDS[kind])}
            </option>
          ))}
        </select>
        <IconButton icon="trash" className="small" label={t("Remove {name}", { name })} onClick={onRemove} />
      </div>
      {row.kind === "choice" && <Choices choices={row.choices} onChange={(choices) => onChange({ ...row, choices })} />}
      <div className="builder-line">
        <input
          className="input"
          aria-label={t("Help")}
          placeholder={t("Help, if it needs some")}
          value={row.help}
          onChange={({ target }) => onChange({ ...row, help: target.value })}
        />
        <label className="builder-required" htmlFor={`${id}-required`}>
          <input
            id={`${id}-required`}
            type="checkbox"
            checked={row.isRequired}
            onChange={({ target }) => onChange({ ...row, isRequired: target.checked })}
          />
          {t("Required")}
        </label>
      </div>
      <NameLine
        key={row.name}
        row={row}
        rows={rows}
        onChange={(next) => onChange({ ...row, name: next, isUnnamed: false })}
      />
      {Object.keys(row.rest).length > 0 && (
        <p className="builder-note">
          {t("Kept as it is:")} <code dir="ltr">{summary(row.rest)}</code>
        </p>
      )}
    </fieldset>
  );
}

const WRONG: Readonly<Record<NameProblem, Message>> = {
  missing: "This is needed.",
  taken: "Another field has this name.",
  unusual: "A name has letters, digits and _, and begins with no digit.",
};

interface NameLineProps {
  readonly row: Row;
  readonly rows: readonly Row[];
  readonly onChange: (name: string) => void;
}

/** The name of a field for later steps. One that cannot be is typed on, and counts once it can. */
function NameLine({ row, rows, onChange }: NameLineProps): React.JSX.Element {
  const id = useId();
  const [draft, setDraft] = useState<string>();
  const problem = draft === undefined ? undefined : nameProblem(draft, row, rows);
  return (
    <div className="builder-name">
      <label htmlFor={id}>{t("Name for later steps")}</label>
      <input
        id={id}
        className="id-input"
        dir="ltr"
        spellCheck={false}
        autoComplete="off"
        aria-invalid={problem !== undefined}
        value={draft ?? row.name}
        onChange={({ target }) => setDraft(target.value)}
        onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
        onBlur={() => {
          if (draft === undefined || problem !== undefined) return;
          setDraft(undefined);
          if (draft !== row.name) onChange(draft);
        }}
      />
      {problem !== undefined && <span className="field-error">{t(WRONG[problem])}</span>}
    </div>
  );
}

interface ChoicesProps {
  readonly choices: readonly string[];
  readonly onChange: (choices: readonly string[]) => void;
}

/** The values of a choice, a line each. */
function Choices({ choices, onChange }: ChoicesProps): React.JSX.Element {
  const [text, setText] = useState(() => choices.join("\n"));
  return (
    <div className="builder-choices">
      <textarea
        className="input"
        aria-label={t("Choices")}
        placeholder={t("A choice on each line")}
        rows={Math.max(2, choices.length + 1)}
        aria-invalid={choices.length === 0}
        value={text}
        onChange={({ target }) => {
          setText(target.value);
          onChange(linesOf(target.value));
        }}
      />
      {choices.length === 0 && <span className="field-error">{t("Write at least one choice.")}</span>}
    </div>
  );
}
