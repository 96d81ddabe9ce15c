import { useEffect, useId, useMemo, useRef, useState } from "react";
import type { Option, OptionList } from "../../api/schema";
import type { Json } from "../../base/json";
import { isEqual } from "../../base/json";
import { tree } from "../../base/place";
import { t } from "../../locale/locale";
import { Button } from "../../shell/ui/Button";
import { Icon } from "../../shell/ui/Icon";
import type { OptionsMark } from "../options";
import { matching, typedValue } from "../options";
import type { Options } from "../useOptions";
import { useOptions } from "../useOptions";
import "./options.css";
import type { ScalarControlProps } from "./ScalarControl";

/** More rows than these nobody reads: a text finds the others. */
const MOST_ROWS = 100;

interface OptionsControlProps extends ScalarControlProps {
  readonly mark: OptionsMark;
  readonly label: string;
  /** What is chosen already, where several can be: it is not offered again. */
  readonly taken?: readonly string[];
  readonly placeholder?: string | undefined;
  /** Told which options there are; all of them, if no text was looked for. */
  readonly onList?: (list: OptionList, isWhole: boolean) => void;
}

const NONE: readonly string[] = [];

/** A field with a list to choose from, which the server makes. What is typed counts when the field is left. */
export function OptionsControl(props: OptionsControlProps): React.JSX.Element {
  const { id, pointer, value, isInvalid, describedBy, isReadOnly, label, taken, placeholder } = props;
  const listId = useId();
  const stateId = useId();
  const input = useRef<HTMLInputElement>(null);
  const { options, draft, written, chosen, rows, active, isListed, ...keys } = useChoosing(props);
  const activeId = isListed && active >= 0 ? `${listId}-${active}` : undefined;
  useScrolledTo(activeId);
  return (
    <div className="options">
      <input
        ref={input}
        id={id}
        className="input"
        role="combobox"
        aria-expanded={isListed}
        aria-controls={isListed ? listId : undefined}
        aria-activedescendant={activeId}
        aria-autocomplete="list"
        aria-invalid={isInvalid}
        aria-describedby={describedBy === undefined ? stateId : `${describedBy} ${stateId}`}
        aria-busy={options.isLoading}
        autoComplete="off"
        spellCheck={false}
        placeholder={placeholder}
        data-testid={`field-${pointer}`}
        disabled={isReadOnly}
        value={draft ?? written}
        onClick={keys.open}
        onChange={({ target }) => keys.type(target.value)}
        onKeyDown={keys.onKeyDown}
        onBlur={keys.keepTyped}
      />
      <Icon name="chevronDown" size={14} />
      {isListed && (
        <OptionRows
          id={listId}
          label={label}
          rows={rows}
          active={active}
          value={value}
          isComplete={options.list?.is_complete !== false && rows.length < MOST_ROWS}
          onChoose={keys.choose}
        />
      )}
      <State
        id={stateId}
        options={options}
        isStranger={draft === undefined && written !== "" && chosen === undefined}
        isSeveral={taken !== undefined}
        onRetry={() => {
          options.retry();
          input.current?.focus();
        }}
      />
    </div>
  );
}

/** What is typed and which row is marked, and what keys and clicks make of it. */
function useChoosing({ mark, spec, value, onChange, taken = NONE, onList }: OptionsControlProps) {
  const [draft, setDraft] = useState<string>();
  const [isOpen, setOpen] = useState(false);
  const [marked, setMarked] = useState(-1);
  const options = useOptions(mark, draft ?? "");
  const all = useMemo(() => options.list?.items ?? [], [options.list]);
  // Rows that the server has found for an earlier text are looked through for the present one.
  const isFound = draft === undefined || (mark.searches && !options.isLoading);
  const rows = useMemo(() => {
    const free = all.filter((option) => !taken.includes(String(option.value)));
    return (isFound ? free : matching(free, draft)).slice(0, MOST_ROWS);
  }, [all, taken, draft, isFound]);
  const { list, isLoading } = options;
  useEffect(() => {
    if (list !== undefined) onList?.(list, draft === undefined && !isLoading && list.is_complete);
  }, [list, isLoading, draft, onList]);
  const chosen = all.find((option) => isEqual(option.value as Json, value));
  const written = chosen?.label ?? (value === undefined || value === null ? "" : String(value));
  const isListed = isOpen && rows.length > 0;
  const active = Math.min(marked, rows.length - 1);
  const close = (): void => {
    setDraft(undefined);
    setOpen(false);
    setMarked(-1);
  };
  const choose = (option: Option): void => {
    onChange(option.value as Json);
    close();
  };
  const keepTyped = (): void => {
    if (draft !== undefined && draft !== written) onChange(typedValue(draft, all, spec.kind));
    close();
  };
  const move = (step: number): void => {
    setOpen(true);
    setMarked(isListed ? (active + step + rows.length) % rows.length : 0);
  };
  const enter = (): void => {
    const row = rows[active];
    if (isListed && row !== undefined) choose(row);
    else keepTyped();
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(active < 0 ? 0 : -1);
    else if (event.key === "Enter") enter();
    else if (event.key === "Escape" && (isOpen || draft !== undefined)) close();
    else return;
    event.preventDefault();
  };
  const type = (text: string): void => {
    setDraft(text);
    setOpen(true);
    setMarked(text.trim() === "" ? -1 : 0);
  };
  const open = (): void => setOpen(true);
  return { options, draft, written, chosen, rows, active, isListed, open, type, choose, keepTyped, onKeyDown };
}

/** Brings an element of a list into view, as often as it is another one. */
function useScrolledTo(id: string | undefined): void {
  useEffect(() => {
    if (id !== undefined) tree().getElementById(id)?.scrollIntoView({ block: "nearest" });
  }, [id]);
}

interface OptionRowsProps {
  readonly id: string;
  readonly label: string;
  readonly rows: readonly Option[];
  readonly active: number;
  readonly value: unknown;
  readonly isComplete: boolean;
  readonly onChoose: (option: Option) => void;
}

function OptionRows({ id, label, rows, active, value, isComplete, onChoose }: OptionRowsProps): React.JSX.Element {
  return (
    // The field keeps the focus.
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- the keys are those of the field
    <div className="options-list" onMouseDown={(event) => event.preventDefault()}>
      <div id={id} role="listbox" aria-label={label} tabIndex={-1}>
        {rows.map((option, number) => (
          // oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the keys are those of the field
          <div
            // oxlint-disable-next-line react/no-array-index-key -- a function may list a value twice
            key={number}
            id={`${id}-${number}`}
            role="option"
            tabIndex={-1}
            aria-selected={number === active}
            className={`option ${option.value === value ? "option-chosen" : ""}`}
            onClick={() => onChoose(option)}
          >
            <span className="option-label">{option.label}</span>
            {option.label !== String(option.value) && <code className="option-value">{String(option.value)}</code>}
          </div>
        ))}
      </div>
      {!isComplete && <p className="options-more">{t("There are more: type to find them.")}</p>}
    </div>
  );
}

interface StateProps {
  readonly id: string;
  readonly options: Options;
  /** Whether the field has a value that is none of the options. */
  readonly isStranger: boolean;
  /** Whether several can be chosen. */
  readonly isSeveral: boolean;
  readonly onRetry: () => void;
}

/** How it stands with the list: told to everybody, also to those who do not see it. */
function State({ id, options, isStranger, isSeveral, onRetry }: StateProps): React.JSX.Element {
  const { error, list, isLoading } = options;
  const isNotListed = isStranger && !isLoading && list?.is_complete === true;
  return (
    <div className="options-state">
      <span id={id} role="status" className={error === undefined ? "field-help" : "field-error field-error-warning"}>
        {error === undefined ? inWords(options, isNotListed, isSeveral) : error}
      </span>
      {error !== undefined && !isLoading && (
        <Button look="quiet" className="field-add" testId="options-retry" onClick={onRetry}>
          {t("Try again")}
        </Button>
      )}
    </div>
  );
}

function inWords({ missing, isLoading, list }: Options, isNotListed: boolean, isSeveral: boolean): string {
  if (missing !== undefined)
    return missing.isReference
      ? t("{name} is only known in a run, so there is no list.", { name: missing.label })
      : t("Choose {name} first.", { name: missing.label });
  if (isLoading) return t("Loading…");
  if (isNotListed) return t("Not in the list.");
  if (list?.items.length !== 0) return "";
  return isSeveral ? t("Nothing is listed here: type it, and press Enter.") : t("The list is empty.");
}
