import type { JsonObject, Path } from "../../base/json";
import { isList, isObject } from "../../base/json";
import type { Schema } from "../schema";
import { describe, humanize, isSettled } from "../schema";
import { useForm } from "../form";
import { Field } from "./Field";
import { t } from "../../locale/locale";

interface ObjectFieldsProps {
  readonly path: Path;
  /** A resolved schema of an object. */
  readonly schema: Schema;
  readonly value: JsonObject;
}

/** The fields of an object, in the order of its schema; then what is in the value without being in the schema. */
export function ObjectFields({ path, schema, value }: ObjectFieldsProps): React.JSX.Element {
  const { root } = useForm();
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = new Set(isList(schema.required) ? schema.required : []);
  const names = Object.keys(properties).filter(
    (name) => !isHidden(properties[name]) && !isSettled(properties[name], value[name]),
  );
  const further = isObject(schema.additionalProperties) ? schema.additionalProperties : {};
  const isOpen = schema.additionalProperties !== false && names.length === 0;
  if (isOpen)
    return (
      <Field
        path={path}
        schema={{ type: "object", additionalProperties: further }}
        value={value}
        label={t("Values")}
        isRequired
      />
    );
  const unknown = Object.keys(value).filter((name) => !(name in properties));
  return (
    <>
      {names.map((name) => (
        <Field
          key={name}
          path={[...path, name]}
          schema={properties[name]}
          value={value[name]}
          label={describe(properties[name], root).title ?? humanize(name)}
          isRequired={required.has(name)}
        />
      ))}
      {unknown.map((name) => (
        <Field key={name} path={[...path, name]} schema={further} value={value[name]} label={name} isRequired={false} />
      ))}
    </>
  );
}

function isHidden(schema: unknown): boolean {
  return isObject(schema) && (schema["x-hidden"] === true || (isObject(schema.ui) && schema.ui.hidden === true));
}
