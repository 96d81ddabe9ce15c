import type { RefObject } from "react";
import { useState } from "react";
import { summary } from "../base/json";
import { tree } from "../base/place";
import { writeReference } from "../document/references";
import { t } from "../locale/locale";
import { Icon } from "../shell/ui/Icon";
import { Popover } from "../shell/ui/Popover";
import type { Variable, Variables } from "./variables";
import { flatten } from "./variables";

interface PickerBoxProps {
  readonly id: string;
  /** The button that it belongs to. */
  readonly anchor: RefObject<HTMLElement | null>;
  readonly variables: Variables;
  readonly onPick: (reference: string) => void;
  readonly onClose: () => void;
}

/** What may be referred to, as a tree that can be searched. */
export function PickerBox({ id, anchor, variables, onPick, onClose }: PickerBoxProps): React.JSX.Element {
  const [query, setQuery] = useState("");
  const pick = (variable: Variable): void => {
    onPick(writeReference(variable.path));
    onClose();
  };
  const needle = query.trim().toLowerCase();
  const found =
    needle === ""
      ? undefined
      : flatten(variables.roots).filter((each) =>
          `${each.label} ${each.path.join(".")}`.toLowerCase().includes(needle),
        );
  return (
    <Popover
      id={id}
      anchor={anchor}
      width={340}
      role="dialog"
      aria-label={t("References")}
      className="picker-box"
      data-testid="picker"
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Escape") onClose();
        if (event.key === "ArrowDown" || event.key === "ArrowUp") moveFocus(event);
      }}
    >
      <input
        className="input"
        type="search"
        aria-label={t("Find a value")}
        placeholder={t("Find a value")}
        value={query}
        onChange={(event) => setQuery(event.target.value)}
      />
      <div className="picker-tree">
        {found === undefined
          ? variables.roots.map((variable) => <Branch key={variable.key} variable={variable} depth={0} onPick={pick} />)
          : found.map((variable) => (
              <Row key={variable.key} variable={variable} name={variable.path.join(".")} depth={0} onPick={pick} />
            ))}
        {found?.length === 0 && <Expected query={query.trim()} variables={variables} onPick={pick} />}
        {found === undefined && isEventUnknown(variables) && (
          <p className="picker-note muted">
            {t("No such event has come yet. Type the name of a value that it will have, such as customer.email.")}
          </p>
        )}
      </div>
    </Popover>
  );
}

interface ExpectedProps {
  readonly query: string;
  readonly variables: Variables;
  readonly onPick: (variable: Variable) => void;
}

/** What nobody has seen yet can be named: in the data of the event, and in outputs that say nothing of themselves. */
function Expected({ query, variables, onPick }: ExpectedProps): React.JSX.Element {
  const names = EXPECTED.test(query) ? query.split(".") : [];
  const places = names.length === 0 ? [] : flatten(variables.roots).filter(mayHaveMore);
  return (
    <>
      <p className="picker-note muted">
        {places.length === 0 ? t("Nothing is called that.") : t("Nothing is called that yet. If it will be there:")}
      </p>
      {places.map(({ path, label }) => {
        const wanted = [...path, ...names];
        const place = isData(path) ? t("Event") : label;
        const variable = { key: wanted.join("/"), path: wanted, label: query, type: "any", sample: undefined };
        return (
          <Row
            key={variable.key}
            variable={{ ...variable, children: [] }}
            name={`${place} › ${names.join(" › ")}`}
            depth={0}
            onPick={onPick}
          />
        );
      })}
    </>
  );
}

/** Names of fields with points between them: "total", "customer.email". */
const EXPECTED = /^[^\s.()[\]'"]+(\.[^\s.()[\]'"]+)*$/;

/** Whether there may be more at a place than is known: the event's data, and what nothing is known of. */
function mayHaveMore({ path, type, children, sample }: Variable): boolean {
  if (isData(path)) return true;
  const isWhole = path.length === 2 && path[0] === "state";
  const isItem = path.length === 1 && (path[0] === "item" || path[0] === "output");
  return (isWhole || isItem) && sample === undefined && children.length === 0 && (type === "object" || type === "any");
}

function isData(path: Variable["path"]): boolean {
  return path.length === 2 && path[0] === "event" && path[1] === "data";
}

function isEventUnknown({ roots }: Variables): boolean {
  return flatten(roots).some((each) => isData(each.path) && each.children.length === 0);
}

function moveFocus(event: React.KeyboardEvent<HTMLElement>): void {
  event.preventDefault();
  const stops = [...event.currentTarget.querySelectorAll<HTMLElement>("input, button")];
  const index = stops.findIndex((stop) => stop === tree().activeElement);
  stops[Math.max(0, Math.min(stops.length - 1, index + (event.key === "ArrowDown" ? 1 : -1)))]?.focus();
}

interface BranchProps {
  readonly variable: Variable;
  readonly depth: number;
  readonly onPick: (variable: Variable) => void;
}

/** A place, and, once opened, what is inside of it. The first two levels are open. */
function Branch({ variable, depth, onPick }: BranchProps): React.JSX.Element {
  const [isOpen, setOpen] = useState(depth < 2);
  return (
    <div>
      <Row
        variable={variable}
        name={variable.label}
        depth={depth}
        onPick={onPick}
        {...(variable.children.length > 0 ? { isOpen, onToggle: () => setOpen(!isOpen) } : {})}
      />
      {isOpen &&
        variable.children.map((child) => <Branch key={child.key} variable={child} depth={depth + 1} onPick={onPick} />)}
    </div>
  );
}

interface RowProps extends BranchProps {
  readonly name: string;
  readonly isOpen?: boolean;
  readonly onToggle?: () => void;
}

function Row({ variable, name, depth, onPick, isOpen, onToggle }: RowProps): React.JSX.Element {
  return (
    <div className="picker-row" style={{ paddingInlineStart: depth * 14 }}>
      {onToggle === undefined ? (
        <span className="picker-gap" />
      ) : (
        <button
          type="button"
          className="picker-toggle"
          aria-expanded={isOpen}
          aria-label={t("{name}: show what is inside", { name })}
          onClick={onToggle}
        >
          <Icon name={isOpen === true ? "chevronDown" : "chevronRight"} size={13} />
        </button>
      )}
      <button
        type="button"
        className="picker-item"
        data-testid={`pick-${variable.path.join(".")}`}
        title={writeReference(variable.path)}
        onClick={() => onPick(variable)}
      >
        <span className="picker-name">{name}</span>
        <span className="picker-sample">
          {variable.sample === undefined ? variable.type : summary(variable.sample, 32)}
        </span>
      </button>
    </div>
  );
}
