import type { JsonObject } from "../base/json";
import { isObject } from "../base/json";
import "../config/config.css";
import type { FieldMessage } from "../config/form";
import { SchemaForm } from "../config/SchemaForm";

interface DecisionFormProps {
  readonly description: string;
  readonly form: JsonObject | null;
  readonly data: JsonObject;
  readonly problems: ReadonlyMap<string, FieldMessage>;
  readonly onChange: (data: JsonObject, pointer: string) => void;
}

/** What whoever decides is told, and what they fill in. */
export function DecisionForm({ description, form, data, problems, onChange }: DecisionFormProps): React.JSX.Element {
  return (
    <>
      {description !== "" && (
        <p className="approval-text">
          <bdi>{description}</bdi>
        </p>
      )}
      {form !== null && (
        <SchemaForm
          schema={form}
          value={data}
          problems={problems}
          variables={undefined}
          isReadOnly={false}
          onChange={onChange}
        />
      )}
    </>
  );
}

/** What a form begins with: its defaults, and of yes or no what its switch shows. */
export function beginningOf(form: JsonObject | null): JsonObject {
  const properties = isObject(form?.properties) ? form.properties : {};
  const data: Record<string, JsonObject[string]> = {};
  for (const [name, schema] of Object.entries(properties)) {
    if (!isObject(schema)) continue;
    if (schema.default !== undefined && schema.default !== null) data[name] = schema.default;
    else if (schema.type === "boolean") data[name] = false;
  }
  return data;
}
