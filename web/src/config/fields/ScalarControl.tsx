import { Suspense, useState } from "react";
import type { Json } from "../../base/json";
import { isEqual, isList } from "../../base/json";
import type { FieldKind, FieldSpec } from "../schema";
import { humanize } from "../schema";
import { later } from "../../shell/later";
import { served, t, withPanelWords } from "../../locale/locale";

const AnyControl = later(() => withPanelWords(() => import("./AnyControl")).then((module) => module.AnyControl));
const DurationControl = later(() =>
  withPanelWords(() => import("./DurationControl")).then((module) => module.DurationControl),
);

const SCALARS: ReadonlySet<FieldKind> = new Set([
  "text",
  "area",
  "secret",
  "number",
  "duration",
  "numberOrText",
  "boolean",
  "enum",
  "moment",
  "any",
]);
/** In a schema the id of a `datalist` on the page, with what is offered while somebody types. */
export const LIST = "x-list";
const LOADING = <div className="input field-loading" />;
const INPUT_TYPES: Readonly<Record<string, string>> = { email: "email", uri: "url", date: "date", time: "time" };

export function isScalar(kind: FieldKind): boolean {
  return SCALARS.has(kind);
}

export interface ScalarControlProps {
  readonly id: string;
  readonly pointer: string;
  readonly spec: FieldSpec;
  readonly value: Json | undefined;
  readonly isInvalid: boolean;
  readonly describedBy: string | undefined;
  readonly isReadOnly: boolean;
  readonly onChange: (value: Json | undefined) => void;
}

/** The control for a single value. An emptied field takes its value away, so that the default holds again. */
export function ScalarControl(props: ScalarControlProps): React.JSX.Element {
  const { spec, value, onChange, isReadOnly } = props;
  const common = {
    id: props.id,
    className: "input",
    "data-testid": `field-${props.pointer}`,
    "aria-invalid": props.isInvalid,
    "aria-describedby": props.describedBy,
    disabled: isReadOnly,
  };
  const shown = typeof value === "string" || typeof value === "number" ? String(value) : "";
  const typed = (event: { target: { value: string } }): void => onChange(parse(spec.kind, event.target.value));
  switch (spec.kind) {
    case "boolean":
      return <Switch {...props} />;
    case "enum":
      return <EnumControl {...props} />;
    case "any":
      return (
        <Suspense fallback={LOADING}>
          <AnyControl {...props} />
        </Suspense>
      );
    case "area":
      return <textarea {...common} value={shown} placeholder={placeholder(spec)} onChange={typed} />;
    case "duration":
      return (
        <Suspense fallback={LOADING}>
          <DurationControl {...props} common={common} schema={spec.schema} />
        </Suspense>
      );
    case "number":
      return <NumberControl common={common} spec={spec} value={value} onChange={onChange} />;
    default:
      return (
        <input
          {...common}
          type={inputType(spec)}
          // What has no letters of either direction, such as a cron expression, is read from the left.
          dir={shown === "" ? undefined : "auto"}
          autoComplete="off"
          list={typeof spec.schema[LIST] === "string" ? spec.schema[LIST] : undefined}
          spellCheck={false}
          value={shown}
          placeholder={placeholder(spec)}
          onChange={typed}
        />
      );
  }
}

function parse(kind: FieldKind, text: string): Json | undefined {
  if (text === "") return undefined;
  return kind === "numberOrText" && /^\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

function inputType(spec: FieldSpec): string {
  if (spec.kind === "secret") return "password";
  return INPUT_TYPES[String(spec.schema.format)] ?? "text";
}

function placeholder({ schema }: FieldSpec): string | undefined {
  const [example] = isList(schema.examples) ? schema.examples : [];
  if (schema.default !== undefined && schema.default !== null && schema.default !== "") return String(schema.default);
  return example === undefined ? undefined : String(example);
}

interface NumberControlProps {
  readonly common: Record<string, unknown>;
  readonly spec: FieldSpec;
  readonly value: Json | undefined;
  readonly onChange: (value: Json | undefined) => void;
}

/** What is no number is kept as it was typed, so that the message can stand at it. */
function NumberControl({ common, spec, value, onChange }: NumberControlProps): React.JSX.Element {
  const [draft, setDraft] = useState("");
  const shown = isEqual(parseNumber(draft), value) ? draft : value === undefined || value === null ? "" : String(value);
  return (
    <input
      {...common}
      inputMode={spec.schema.type === "integer" ? "numeric" : "decimal"}
      autoComplete="off"
      value={shown}
      placeholder={placeholder(spec)}
      onChange={(event) => {
        setDraft(event.target.value);
        onChange(parseNumber(event.target.value));
      }}
    />
  );
}

function parseNumber(text: string): Json | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  return Number.isFinite(Number(trimmed)) ? Number(trimmed) : text;
}

function Switch({ id, pointer, spec, value, isReadOnly, onChange }: ScalarControlProps): React.JSX.Element {
  const isOn = (value ?? spec.schema.default) === true;
  return (
    <button
      type="button"
      id={id}
      role="switch"
      aria-checked={isOn}
      className="switch"
      disabled={isReadOnly}
      data-testid={`field-${pointer}`}
      onClick={() => onChange(!isOn)}
    />
  );
}

function EnumControl({
  id,
  pointer,
  spec,
  value,
  isInvalid,
  describedBy,
  isReadOnly,
  onChange,
}: ScalarControlProps): React.JSX.Element {
  const options = isList(spec.schema.enum) ? spec.schema.enum : [];
  const index = options.findIndex((option) => isEqual(option, value));
  const fallback = spec.schema.default;
  return (
    <select
      id={id}
      className="input"
      data-testid={`field-${pointer}`}
      aria-invalid={isInvalid}
      aria-describedby={describedBy}
      disabled={isReadOnly}
      value={index === -1 ? "" : String(index)}
      onChange={(event) => onChange(event.target.value === "" ? undefined : options[Number(event.target.value)])}
    >
      <option value="">
        {fallback === undefined || fallback === null ? "—" : t("Default ({value})", { value: optionName(fallback) })}
      </option>
      {options.map((option, number) => (
        <option key={String(option)} value={number}>
          {optionName(option)}
        </option>
      ))}
    </select>
  );
}

/** Words are written like words; everything else as it is. */
function optionName(option: Json): string {
  return typeof option === "string" && /^[a-z_-]+$/.test(option) ? served(humanize(option)) : String(option);
}
