import type { Json, Path } from "../../base/json";
import { toPointer } from "../../base/json";
import { useForm } from "../form";
import { plainChoice } from "../plain";
import { activeChoice, describe, initialValue } from "../schema";
import type { ControlProps } from "./Field";
import { Control, Field } from "./Field";
import { ObjectFields } from "./ObjectFields";
import { t } from "../../locale/locale";

/** A value that may have one of several forms: first which, then the fields of that form. */
export function ChoiceField(props: ControlProps): React.JSX.Element {
  const { path, spec, value, label } = props;
  const form = useForm();
  const active = activeChoice(spec.choices, value);
  const choice = spec.choices[active];
  const plain = plainChoice(spec, value, form.root);
  return (
    <div className="choice">
      <select
        className="input"
        aria-label={t("Form of {label}", { label })}
        data-testid={`choice-${toPointer(path)}`}
        disabled={form.isReadOnly}
        value={value === undefined && plain === undefined ? "" : active}
        onChange={(event) => {
          const chosen = spec.choices[Number(event.target.value)];
          form.change(path, event.target.value === "" ? undefined : initialValue(chosen?.schema, form.root));
        }}
      >
        {value === undefined && plain === undefined && <option value="">—</option>}
        {spec.choices.map(({ label: name }, index) => (
          <option key={name} value={index}>
            {name}
          </option>
        ))}
      </select>
      {plain !== undefined && <Control {...props} spec={plain} />}
      {plain === undefined && value !== undefined && choice !== undefined && !("const" in choice.schema) && (
        <ChosenForm path={path} schema={choice.schema} value={value} label={label} />
      )}
    </div>
  );
}

function ChosenForm({
  path,
  schema,
  value,
  label,
}: {
  path: Path;
  schema: Json;
  value: Json;
  label: string;
}): React.JSX.Element {
  const { root } = useForm();
  const inner = describe(schema, root);
  if (inner.kind === "object" && typeof value === "object" && value !== null && !Array.isArray(value)) {
    return <ObjectFields path={path} schema={inner.schema} value={value as never} />;
  }
  return (
    <Field
      path={path}
      schema={{ ...inner.schema, description: "" }}
      value={value}
      label={inner.title ?? label}
      isRequired
    />
  );
}
