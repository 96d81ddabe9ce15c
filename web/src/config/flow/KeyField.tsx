import { useId } from "react";
import { t } from "../../locale/locale";
import { Icon } from "../../shell/ui/Icon";
import type { FieldMessage } from "../form";
import { keysOf } from "./values";
import { useEditor } from "../../editor/store";

interface KeyFieldProps {
  readonly label: string;
  readonly help: string;
  readonly pointer: string;
  readonly value: string;
  readonly message: FieldMessage | undefined;
  readonly isRequired?: boolean;
  readonly example?: string | undefined;
  readonly isReadOnly: boolean;
  readonly onChange: (text: string) => void;
}

/** An expression over the event. What the last event had in it is offered. */
export function KeyField(props: KeyFieldProps): React.JSX.Element {
  const { label, help, pointer, value, message, isRequired = false, isReadOnly, onChange } = props;
  const { example = "event.data.customer" } = props;
  const id = useId();
  const event = useEditor((state) => state.samples.event);
  return (
    <div className="field" data-pointer={pointer}>
      <label className="field-label" htmlFor={id}>
        {label}
        {isRequired && (
          <span className="field-required" title={t("Required")}>
            {" *"}
          </span>
        )}
      </label>
      <input
        id={id}
        className="input flow-key"
        list={`${id}-offers`}
        autoComplete="off"
        spellCheck={false}
        placeholder={example}
        disabled={isReadOnly}
        value={value}
        aria-invalid={message?.severity === "error"}
        aria-describedby={`${id}-help${message === undefined ? "" : ` ${id}-message`}`}
        onChange={({ target }) => onChange(target.value)}
      />
      <datalist id={`${id}-offers`}>
        {keysOf(event).map((key) => (
          <option key={key} value={key} />
        ))}
      </datalist>
      {message !== undefined && <FieldMessageLine id={`${id}-message`} message={message} />}
      <span id={`${id}-help`} className="field-help">
        {help}
      </span>
    </div>
  );
}

/** What is wrong, as every field shows it. */
export function FieldMessageLine({
  id,
  message,
}: {
  readonly id?: string;
  readonly message: FieldMessage;
}): React.JSX.Element {
  return (
    <span id={id} className={`field-error field-error-${message.severity}`}>
      <Icon name="alert" size={13} />
      {message.text}
    </span>
  );
}
