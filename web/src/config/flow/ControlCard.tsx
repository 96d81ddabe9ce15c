import { useId, useMemo, useRef } from "react";
import type { Json, JsonObject } from "../../base/json";
import { isObject } from "../../base/json";
import type { FocusWish } from "../../editor/store";
import { t } from "../../locale/locale";
import type { LocatedProblem } from "../../problems/locate";
import { messagesBelow } from "../problems";
import { ControlFields } from "./ControlFields";
import type { Control } from "./controls";
import type { Messages } from "./inside";
import { useInside } from "./inside";
import { FieldMessageLine } from "./KeyField";
import { LimitList } from "./LimitList";
import { PriorityFields } from "./PriorityFields";
import type { ControlName } from "./values";
import { idempotencyOf } from "./values";

interface ControlCardProps {
  readonly control: Control;
  readonly value: Json | undefined;
  /** Why it cannot be switched on, as things are. */
  readonly whyNot: string | undefined;
  readonly problems: readonly LocatedProblem[];
  readonly isReadOnly: boolean;
  readonly focusWish: FocusWish | undefined;
  readonly onChange: (name: ControlName, value: Json | undefined, pointer: string) => void;
}

/** One control: a switch, what it is for, and, if it is on, its fields. */
export function ControlCard(props: ControlCardProps): React.JSX.Element {
  const { control, value, whyNot, problems, isReadOnly, onChange } = props;
  const { name, title, purpose, initial } = control;
  const id = useId();
  // What was there before it was switched off comes back with the switch.
  const before = useRef<Json | undefined>(undefined);
  const isOn = value !== undefined && value !== null;
  // What is on already can be switched off in any case.
  const isBarred = !isOn && whyNot !== undefined;
  const messages = useMemo(() => messagesBelow(problems, `/settings/${name}`), [problems, name]);
  const own = name === "priority" ? undefined : messages.get("");
  const toggle = (): void => {
    if (isOn) before.current = value;
    onChange(name, isOn ? undefined : (before.current ?? initial), "");
  };
  return (
    <section className="flow-card" aria-labelledby={`${id}-title`} data-testid={`flow-${name}`} data-on={isOn}>
      <div className="row">
        <h3 id={`${id}-title`} className="grow">
          {t(title)}
        </h3>
        <button
          type="button"
          role="switch"
          className="switch"
          aria-checked={isOn}
          aria-labelledby={`${id}-title`}
          aria-describedby={isBarred ? `${id}-purpose ${id}-bar` : `${id}-purpose`}
          disabled={isReadOnly || isBarred}
          onClick={toggle}
        />
      </div>
      <p id={`${id}-purpose`} className="flow-purpose">
        {t(purpose)}
      </p>
      {isBarred && (
        <p id={`${id}-bar`} className="flow-bar">
          {whyNot}
        </p>
      )}
      {own !== undefined && <FieldMessageLine message={own} />}
      {isOn && <Fields {...props} messages={messages} />}
    </section>
  );
}

function Fields(props: ControlCardProps & { readonly messages: Messages }): React.JSX.Element {
  const { control, value, messages, isReadOnly, onChange } = props;
  const { name } = control;
  const focusWish = useInside(props.focusWish, `/settings/${name}`);
  if (name === "concurrency")
    return (
      <LimitList
        value={value}
        messages={messages}
        isReadOnly={isReadOnly}
        focusWish={focusWish}
        onChange={(next, pointer) => onChange(name, next, pointer)}
      />
    );
  if (name === "priority")
    return (
      <PriorityFields
        value={value}
        messages={messages}
        isReadOnly={isReadOnly}
        focusWish={focusWish}
        onChange={(next, pointer) => onChange(name, next, pointer)}
      />
    );
  return (
    <ControlFields
      name={name}
      value={name === "idempotency" ? idempotencyOf(value) : isObject(value) ? value : EMPTY}
      messages={messages}
      isReadOnly={isReadOnly}
      focusWish={focusWish}
      onChange={(next, pointer) => onChange(name, next, pointer)}
    />
  );
}

const EMPTY: JsonObject = {};
