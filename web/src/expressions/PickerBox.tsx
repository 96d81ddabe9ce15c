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
        {found?.length === 0 && <p className="muted">{t("Nothing is called that.")}</p>}
      </div>
    </Popover>
  );
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
