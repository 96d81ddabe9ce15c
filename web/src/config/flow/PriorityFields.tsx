import { useMemo } from "react";
import type { Json, JsonObject } from "../../base/json";
import { isObject, without } from "../../base/json";
import type { FocusWish } from "../../editor/store";
import { t } from "../../locale/locale";
import { contract } from "../contract";
import { SchemaForm } from "../SchemaForm";
import { plainSchema } from "./controls";
import type { Messages } from "./inside";
import { KeyField } from "./KeyField";

interface PriorityFieldsProps {
  readonly value: Json | undefined;
  readonly messages: Messages;
  readonly isReadOnly: boolean;
  readonly focusWish: FocusWish | undefined;
  readonly onChange: (value: Json, pointer: string) => void;
}

const EMPTY: JsonObject = {};
const DEFAULT_MOST = 600;

/** An expression for seconds, and how many they are at most. With the usual bounds, it is written as the text alone. */
export function PriorityFields({
  value,
  messages,
  isReadOnly,
  focusWish,
  onChange,
}: PriorityFieldsProps): React.JSX.Element {
  const schema = useMemo(() => plainSchema("priority"), []);
  const rule = isObject(value) ? value : undefined;
  const written = rule === undefined ? value : rule.by;
  const by = typeof written === "string" ? written : "";
  const bounds = useMemo(() => (isObject(value) ? without(value, "by") : EMPTY), [value]);
  const most = typeof bounds.most === "number" ? bounds.most : DEFAULT_MOST;
  const write = (text: string, beside: JsonObject, pointer: string): void =>
    onChange(Object.keys(beside).length === 0 ? text : { by: text, ...beside }, pointer);
  return (
    <>
      <KeyField
        label={t("Seconds")}
        help={t("An expression over the event for a number from -{most} to {most}. Anything else counts as 0.", {
          most,
        })}
        pointer=""
        value={by}
        message={messages.get(rule === undefined ? "" : "/by") ?? messages.get("")}
        isRequired
        isReadOnly={isReadOnly}
        onChange={(text) => write(text, bounds, "/")}
      />
      <SchemaForm
        schema={schema}
        root={contract()}
        value={bounds}
        problems={messages}
        variables={undefined}
        isReadOnly={isReadOnly}
        focusWish={focusWish}
        onChange={(next, pointer) => write(by, next, pointer)}
      />
    </>
  );
}
