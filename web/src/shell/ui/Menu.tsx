import { useEffect, useId, useRef, useState } from "react";
import { isInside, tree } from "../../base/place";
import type { IconName } from "./Icon";
import { Icon } from "./Icon";

export interface MenuItem {
  readonly label: string;
  readonly icon: IconName;
  readonly onSelect: () => void;
  readonly testId?: string;
  readonly isDisabled?: boolean;
}

interface MenuProps {
  readonly label: string;
  readonly icon: IconName;
  readonly items: readonly MenuItem[];
  readonly testId?: string;
}

/** A button that opens a list of commands. Arrow keys move, Escape closes. */
export function Menu({ label, icon, items, testId }: MenuProps): React.JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const list = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!isOpen) return undefined;
    list.current?.querySelector<HTMLButtonElement>("button:not(:disabled)")?.focus();
    const closeOutside = (event: MouseEvent): void => {
      if (!isInside(event, list.current?.parentElement)) setOpen(false);
    };
    addEventListener("mousedown", closeOutside);
    return () => removeEventListener("mousedown", closeOutside);
  }, [isOpen]);
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div className="menu">
      <button
        type="button"
        ref={button}
        className="icon-button"
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        data-testid={testId}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name={icon} size={18} />
      </button>
      {isOpen && (
        <div
          id={id}
          ref={list}
          role="menu"
          tabIndex={-1}
          className="menu-list"
          onKeyDown={(event) => moveInMenu(event, close)}
        >
          {items.map((item) => (
            <button
              key={item.label}
              type="button"
              role="menuitem"
              className="menu-item"
              disabled={item.isDisabled}
              data-testid={item.testId}
              onClick={() => {
                close();
                item.onSelect();
              }}
            >
              <Icon name={item.icon} />
              {item.label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

function moveInMenu(event: React.KeyboardEvent<HTMLDivElement>, close: () => void): void {
  event.stopPropagation();
  if (event.key === "Escape" || event.key === "Tab") close();
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  event.preventDefault();
  const items = [...event.currentTarget.querySelectorAll<HTMLButtonElement>("button:not(:disabled)")];
  const index = items.findIndex((item) => item === tree().activeElement);
  const step = event.key === "ArrowDown" ? 1 : -1;
  items[(index + step + items.length) % items.length]?.focus();
}
