import { useEffect, useId, useRef, useState } from "react";
import { isInside } from "../base/place";
import { Boundary, later } from "../shell/later";
import { Icon } from "../shell/ui/Icon";
import type { Variables } from "./variables";
import "./expressions.css";
import { t, withPanelWords } from "../locale/locale";

const PickerBox = later(() => withPanelWords(() => import("./PickerBox")).then((module) => module.PickerBox));

interface ReferencePickerProps {
  readonly variables: Variables;
  /** The field that the reference is for. */
  readonly label: string;
  readonly onPick: (reference: string) => void;
}

/** A button that opens what can be referred to, as a tree with the values of the last run. */
export function ReferencePicker({ variables, label, onPick }: ReferencePickerProps): React.JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const element = useRef<HTMLSpanElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!isOpen) return undefined;
    const closeOutside = (event: MouseEvent): void => {
      if (!isInside(event, element.current)) setOpen(false);
    };
    addEventListener("mousedown", closeOutside);
    return () => removeEventListener("mousedown", closeOutside);
  }, [isOpen]);
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <span className="picker" ref={element}>
      <button
        type="button"
        ref={button}
        className="fx"
        aria-label={t("{label}: insert a reference", { label })}
        title={t("Insert a reference")}
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="braces" size={13} />
      </button>
      {isOpen && (
        <Boundary>
          <PickerBox id={id} anchor={button} variables={variables} onPick={onPick} onClose={close} />
        </Boundary>
      )}
    </span>
  );
}
