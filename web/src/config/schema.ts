/** Reading JSON Schemas for forms: what kind of field a schema asks for. What is not understood becomes a JSON field. */

import type { Json, JsonObject } from "../base/json";
import { fromPointer, isEqual, isList, isObject, valueAt } from "../base/json";
import type { Message } from "../locale/locale";
import { served, t } from "../locale/locale";

export type Schema = JsonObject;

export type FieldKind =
  | "text"
  | "area"
  | "secret"
  | "number"
  | "duration"
  | "numberOrText"
  | "boolean"
  | "enum"
  | "moment"
  | "list"
  | "object"
  | "map"
  | "form"
  | "choice"
  | "several"
  | "logic"
  | "condition"
  | "any";

/** One of several forms that a value may have. */
export interface Choice {
  readonly label: string;
  readonly schema: Schema;
}

export interface FieldSpec {
  readonly kind: FieldKind;
  /** The schema with references followed and null taken away. */
  readonly schema: Schema;
  readonly title: string | undefined;
  readonly description: string | undefined;
  readonly isNullable: boolean;
  readonly choices: readonly Choice[];
}

/** In a schema that a text is an expression which holds or does not. */
export const CONDITION = "x-condition";
/** The `format` of a text that is a duration. */
export const DURATION_FORMAT = "time-span";
const ANYTHING: Schema = {};
const DEEPEST_REFERENCE = 20;
const TYPE_NAMES: Readonly<Record<string, Message>> = {
  string: "Text",
  number: "Number",
  integer: "Whole number",
  boolean: "Yes or no",
  array: "List",
  object: "Object",
};

/** What a field has to offer. `root` is the schema that local references lead into. */
export function describe(schema: Json | undefined, root: Schema): FieldSpec {
  const resolved = resolve(schema, root);
  const { schema: inner, isNullable } = withoutNull(resolved, root);
  const choices = choicesOf(inner, root);
  return {
    kind: kindOf(inner, choices, root),
    schema: inner,
    title: text(resolved.title) ?? text(inner.title),
    description: text(resolved.description) ?? text(inner.description),
    isNullable,
    choices,
  };
}

/** A schema with its local reference followed; what stands beside the reference counts, too. */
export function resolve(schema: Json | undefined, root: Schema): Schema {
  let here = isObject(schema) ? schema : ANYTHING;
  for (let depth = 0; typeof here.$ref === "string" && depth < DEEPEST_REFERENCE; depth += 1) {
    const target = here.$ref.startsWith("#") ? valueAt(root, fromPointer(here.$ref)) : undefined;
    const { $ref: _, ...beside } = here;
    here = { ...(isObject(target) ? target : ANYTHING), ...beside };
  }
  return here;
}

function withoutNull(schema: Schema, root: Schema): { schema: Schema; isNullable: boolean } {
  if (isList(schema.type) && schema.type.includes("null")) {
    const types = schema.type.filter((type) => type !== "null");
    const [only, ...others] = types;
    return { schema: { ...schema, type: others.length === 0 && only !== undefined ? only : types }, isNullable: true };
  }
  const key = isList(schema.anyOf) ? "anyOf" : "oneOf";
  const options = schema[key];
  if (!isList(options)) return { schema, isNullable: false };
  const kept = options.filter((option) => resolve(option, root).type !== "null");
  if (kept.length === options.length) return { schema, isNullable: false };
  const { [key]: _, ...beside } = schema;
  if (kept.length === 1) return { schema: { ...resolve(kept[0], root), ...beside }, isNullable: true };
  return { schema: { ...beside, [key]: kept }, isNullable: true };
}

function kindOf(schema: Schema, choices: readonly Choice[], root: Schema): FieldKind {
  if (schema.format === "json-logic") return "logic";
  if (schema[CONDITION] === true) return "condition";
  if (isList(schema.enum)) return "enum";
  if (isDuration(schema, root)) return "duration";
  if (choices.length > 0)
    return isNumberOrText(schema, root) ? "numberOrText" : isSeveral(schema) ? "several" : "choice";
  switch (schema.type) {
    case "string":
      return kindOfText(schema);
    case "number":
    case "integer":
      return "number";
    case "boolean":
      return "boolean";
    case "array":
      return "list";
    case "object":
      return kindOfObject(schema);
    default:
      return isObject(schema.properties) ? "object" : "any";
  }
}

function widgetOf({ ui }: Schema): Json | undefined {
  return isObject(ui) ? ui.widget : undefined;
}

function kindOfText(schema: Schema): FieldKind {
  const widget = widgetOf(schema);
  if (widget === "password" || schema.writeOnly === true || schema.format === "password") return "secret";
  if (widget === "textarea") return "area";
  return schema.format === "date-time" || schema.format === "date" || schema.format === "time" ? "moment" : "text";
}

function kindOfObject(schema: Schema): FieldKind {
  if (widgetOf(schema) === "form") return "form";
  const hasProperties = isObject(schema.properties) && Object.keys(schema.properties).length > 0;
  if (hasProperties) return "object";
  return schema.additionalProperties === false ? "object" : "map";
}

/** A text that is a duration, or that or a number of seconds. */
function isDuration(schema: Schema, root: Schema): boolean {
  if (schema.format === DURATION_FORMAT) return true;
  return (
    isNumberOrText(schema, root) &&
    isList(schema.anyOf) &&
    schema.anyOf.some((option) => resolve(option, root).format === DURATION_FORMAT)
  );
}

/** A text of a list that the server makes, or several of them. */
function isSeveral({ anyOf, "x-options": options }: Schema): boolean {
  if (!isObject(options) || !isList(anyOf) || anyOf.length !== 2) return false;
  return [anyOf, anyOf.toReversed()].some(
    ([one, several]) => valueAt(one, ["type"]) === "string" && valueAt(several, ["items", "type"]) === "string",
  );
}

/** One field is enough for both. */
function isNumberOrText(schema: Schema, root: Schema): boolean {
  const options = isList(schema.type)
    ? schema.type
    : isList(schema.anyOf)
      ? schema.anyOf.map((option) => resolve(option, root).type)
      : [];
  return options.length === 2 && options.includes("number") && options.includes("string");
}

function choicesOf(schema: Schema, root: Schema): readonly Choice[] {
  const options = isList(schema.oneOf) ? schema.oneOf : isList(schema.anyOf) ? schema.anyOf : undefined;
  if (options === undefined) return isList(schema.type) ? schema.type.map((type) => typeChoice(schema, type)) : [];
  // Options that only say what is required are no forms of their own: the properties stand beside them.
  if (isObject(schema.properties)) return [];
  return options.map((option) => resolve(option, root)).flatMap(expand);
}

function typeName(type: Json): string {
  const name = TYPE_NAMES[String(type)];
  return name === undefined ? String(type) : t(name);
}

function typeChoice(schema: Schema, type: Json): Choice {
  const { title: _, description: __, ...rest } = schema;
  return { label: typeName(type), schema: { ...rest, type } };
}

/** Each value of an enumeration is a choice of its own beside other forms. */
function expand(option: Schema): readonly Choice[] {
  const values = isList(option.enum) ? option.enum : "const" in option ? [option.const ?? null] : undefined;
  if (values !== undefined)
    return values.map((value) => ({ label: served(humanize(String(value))), schema: { const: value } }));
  return [{ label: choiceLabel(option), schema: option }];
}

function choiceLabel(option: Schema): string {
  const title = text(option.title);
  if (title !== undefined) return title;
  const [required] = isList(option.required) ? option.required : [];
  if (option.type === "object" && typeof required === "string") return `${served(humanize(required))}…`;
  return option.type === undefined || !(String(option.type) in TYPE_NAMES)
    ? t("Something else")
    : typeName(option.type);
}

/** Which of the choices a value is, or is meant to become; the first one, if nothing tells. */
export function activeChoice(choices: readonly Choice[], value: Json | undefined): number {
  const index = choices.findIndex(({ schema }) => fits(schema, value));
  if (index !== -1) return index;
  return (
    meantForm(
      choices.map(({ schema }) => schema),
      value,
    ) ?? 0
  );
}

/** Which of several forms an object is meant to have: the one whose fixed members it has, such as `"by": "bank"`. */
export function meantForm(forms: readonly Schema[], value: Json | undefined): number | undefined {
  if (!isObject(value)) return undefined;
  const meant = forms.flatMap((form, index) => (hasFixedMembers(form, value) ? [index] : []));
  return meant.length === 1 ? meant[0] : undefined;
}

function hasFixedMembers({ properties }: Schema, value: JsonObject): boolean {
  const fixed = Object.entries(isObject(properties) ? properties : {}).filter(([, member]) => isFixed(member));
  return fixed.length > 0 && fixed.every(([key, member]) => isSettled(member, value[key]));
}

function isFixed(schema: Json | undefined): schema is JsonObject {
  return isObject(schema) && "const" in schema;
}

/** Whether a member can have one value only, and has it. */
export function isSettled(schema: Json | undefined, value: Json | undefined): boolean {
  return isFixed(schema) && isEqual(schema.const, value);
}

function fits(schema: Schema, value: Json | undefined): boolean {
  if ("const" in schema) return isEqual(schema.const, value);
  if (schema.type !== typeOf(value) && !(schema.type === "number" && typeof value === "number")) return false;
  if (!isObject(value)) return true;
  const required = isList(schema.required) ? schema.required : [];
  if (!required.every((key) => String(key) in value)) return false;
  return Object.entries(isObject(schema.properties) ? schema.properties : {}).every(
    ([key, property]) => !isFixed(property) || isSettled(property, value[key]),
  );
}

export function typeOf(value: Json | undefined): string {
  if (value === null) return "null";
  if (isList(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

/** What a field begins with when somebody adds it. */
export function initialValue(schema: Json | undefined, root: Schema): Json {
  const { schema: inner, kind, choices } = describe(schema, root);
  if (inner.default !== undefined && inner.default !== null) return inner.default;
  if (inner.const !== undefined) return inner.const;
  if (kind === "object") return initialObject(inner, root);
  if (kind === "choice") return initialValue(choices[0]?.schema, root);
  if (kind === "enum" && isList(inner.enum)) return inner.enum[0] ?? null;
  if (kind === "number" && typeof inner.minimum === "number") return inner.minimum;
  return INITIAL[kind] ?? "";
}

const INITIAL: Readonly<Partial<Record<FieldKind, Json>>> = {
  number: 0,
  boolean: false,
  list: [],
  map: {},
  duration: "1m",
};

function initialObject(schema: Schema, root: Schema): JsonObject {
  const required = isList(schema.required) ? schema.required.map(String) : [];
  const properties = isObject(schema.properties) ? schema.properties : {};
  return Object.fromEntries(required.map((key) => [key, initialValue(properties[key], root)]));
}

/** "max_delay" and "maxDelay" as "Max delay". */
export function humanize(name: string): string {
  const words = name
    .replaceAll(/[_-]+/g, " ")
    .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
    .trim();
  return words.charAt(0).toUpperCase() + words.slice(1).toLowerCase();
}

function text(value: Json | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
