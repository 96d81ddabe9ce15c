import { useMemo } from "react";
import { useSession } from "../../api/session";
import type { JsonObject } from "../../base/json";
import { without } from "../../base/json";
import type { FocusWish } from "../../editor/store";
import type { Message } from "../../locale/locale";
import { t } from "../../locale/locale";
import { contract } from "../contract";
import type { FieldMessage } from "../form";
import { SchemaForm } from "../SchemaForm";
import { isExpression, plainSchema, sentenceOf, withoutSharing } from "./controls";
import { KeyField } from "./KeyField";
import type { ControlName } from "./values";

interface ControlFieldsProps {
  readonly name: ControlName;
  readonly value: JsonObject;
  /** By pointer into the value. */
  readonly messages: ReadonlyMap<string, FieldMessage>;
  readonly isReadOnly: boolean;
  readonly focusWish: FocusWish | undefined;
  readonly onChange: (value: JsonObject, pointer: string) => void;
}

/** The fields of one control, or of one limit; above them what they come to. */
export function ControlFields(props: ControlFieldsProps): React.JSX.Element {
  const { name, value, messages, isReadOnly, focusWish, onChange } = props;
  const mayShare = useSession(({ state }) => state?.permissions.includes("limits:share") === true);
  const { scope } = value;
  const schema = useMemo(() => {
    const all = plainSchema(name);
    return mayShare ? all : withoutSharing(all, scope);
  }, [name, mayShare, scope]);
  const plain = useMemo(() => Object.fromEntries(Object.entries(value).filter(([key]) => !isExpression(key))), [value]);
  const expressions = Object.fromEntries(Object.entries(value).filter(([key]) => isExpression(key)));
  const sentence = sentenceOf(name, value);
  const write = (key: "key" | "if", text: string): void =>
    onChange(text === "" ? without(value, key) : { ...value, [key]: text }, `/${key}`);
  const field = (key: "key" | "if", label: string, help: string): React.JSX.Element => (
    <KeyField
      label={label}
      help={help}
      pointer={`/${key}`}
      value={typeof value[key] === "string" ? value[key] : ""}
      message={messages.get(`/${key}`)}
      isRequired={name === "idempotency"}
      example={key === "if" ? "event.data.total < 100" : undefined}
      isReadOnly={isReadOnly}
      onChange={(text) => write(key, text)}
    />
  );
  return (
    <>
      {sentence !== undefined && <p className="flow-sentence">{sentence}</p>}
      <SchemaForm
        schema={schema}
        root={contract()}
        value={plain}
        problems={messages}
        variables={undefined}
        isReadOnly={isReadOnly}
        focusWish={focusWish}
        onChange={(next, pointer) => onChange({ ...next, ...expressions }, pointer)}
      />
      {field("key", t("Key"), t(name === "idempotency" ? SAME_KEY : EACH_KEY))}
      {name === "batch" &&
        field(
          "if",
          t("Only if"),
          t("An expression over the event. Where it does not hold, an event starts a run of its own."),
        )}
    </>
  );
}

const SAME_KEY: Message = "An expression over the event: events with the same value are taken for the same.";
const EACH_KEY: Message =
  "An expression over the event. Each of its values counts for itself; empty, all events count together.";
