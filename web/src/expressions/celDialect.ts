/** Rows that are expressions: which operators fit a field, and how values of its type are typed. */

import type { Json } from "../base/json";
import { isList } from "../base/json";
import { findReferences } from "../document/references";
import { t } from "../locale/locale";
import type { CelOperator, Rule as CelRule, RuleGroup as CelGroup } from "./celOperators";
import { CEL_OPERATORS, isMoment, isPlace, takesList, takesMoment } from "./celOperators";
import { readPlace } from "./celReader";
import { isComplete, readExpression, writeExpression, writePlace } from "./celRows";
import { parseOperand } from "./logic";
import { readPath } from "./paths";
import type { Dialect, Note, Operator, Rule } from "./rows";
import type { Variable, Variables } from "./variables";
import { flatten } from "./variables";

/** What a field has, as far as anybody knows. */
type FieldType = "text" | "moment" | "number" | "boolean" | "list" | "object" | "any";

const ON_TEXTS = ["contains", "containsNot", "starts", "ends", "matches"] as const;
const BY_SIZE: readonly CelOperator[] = ["greater", "atLeast", "less", "atMost"];
const OFFERED: Readonly<Record<FieldType, readonly CelOperator[]>> = {
  text: ["equals", "differs", ...ON_TEXTS, "oneOf", "noneOf", "empty", "filled"],
  moment: ["after", "before", "equals", "differs", "missing", "present"],
  number: ["equals", "differs", ...BY_SIZE, "oneOf", "noneOf", "missing", "present"],
  boolean: ["equals", "differs", "missing", "present"],
  list: ["includes", "includesNot", "empty", "filled"],
  object: ["present", "missing"],
  any: Object.keys(CEL_OPERATORS) as CelOperator[],
};
const TYPES: Readonly<Record<string, FieldType>> = {
  string: "text",
  integer: "number",
  number: "number",
  boolean: "boolean",
  array: "list",
  object: "object",
};
/** What a value of a field's type is in the browser. */
const JSON_TYPES: ReadonlyMap<FieldType, string> = new Map([
  ["text", "string"],
  ["moment", "string"],
  ["number", "number"],
  ["boolean", "boolean"],
]);
/** Operators that compare the whole field with a value, which then has to be of its type. */
const BY_TYPE: ReadonlySet<string> = new Set<CelOperator>([...BY_SIZE, "equals", "differs", "oneOf", "noneOf"]);

export const EXPRESSION: Dialect = {
  codeLabel: "Expression",
  hasReferences: false,
  blank: { kind: "rule", left: "", operator: "equals", right: null },
  read: readExpression,
  write: (group) => writeExpression(group as CelGroup),
  operators: (rule, variables) => {
    const names: readonly string[] = OFFERED[typeOfField(rule.left, variables)];
    const all = names.includes(rule.operator) ? names : [...names, rule.operator];
    return all.map((name): readonly [string, Operator] => [name, CEL_OPERATORS[name as CelOperator]]);
  },
  left: {
    label: "Field",
    parse: (text) => text.trim(),
    show: ({ left }) => String(left),
    pick: placeOf,
    offered: (_, variables) => flatten(variables?.roots ?? []).map(({ path }) => writePlace(path)),
  },
  right: {
    label: "Compared with",
    parse: (text, rule, variables) => parseRight(text, rule, typeOfField(rule.left, variables)),
    show: (rule, variables) => showRight(rule, typeOfField(rule.left, variables)),
    pick: (reference) => ({ path: placeOf(reference) }),
    offered: (rule, variables) => (fieldAt(rule.left, variables)?.values ?? []).map(String),
  },
  withLeft: (rule, left, variables) => {
    const type = typeOfField(left, variables);
    const names: readonly string[] = OFFERED[type];
    const operator = names.includes(rule.operator) ? rule.operator : (names[0] ?? rule.operator);
    const moved = withOperator({ ...rule, left }, operator);
    if (isPlace(rule.right)) return moved;
    if (type === "boolean") return { ...moved, right: typeof rule.right === "boolean" ? rule.right : true };
    return { ...moved, right: parseRight(showRight(rule, typeOfField(rule.left, variables)), moved, type) };
  },
  withOperator,
  isYesOrNo: ({ left, operator, right }, variables) =>
    (operator === "equals" || operator === "differs") &&
    (right === null || typeof right === "boolean") &&
    typeOfField(left, variables) === "boolean",
  noteOn,
};

/** A row with another operator; what it is compared with stays, as one value or as a list. */
function withOperator(rule: Rule, operator: string): Rule {
  const { right } = rule;
  if (takesList(operator) && !isList(right)) return { ...rule, operator, right: right === null ? [] : [right] };
  return { ...rule, operator, right: takesList(operator) || !isList(right) ? right : (right[0] ?? null) };
}

/** `!ref($.event.data['zip-code'])` as the place `event.data['zip-code']`. */
function placeOf(reference: string): string {
  const steps = readPath(findReferences(reference)[0]?.path ?? "") ?? [];
  return writePlace(steps.filter((step) => typeof step !== "symbol"));
}

function fieldAt(left: Json, variables: Variables | undefined): Variable | undefined {
  const keys = typeof left === "string" ? readPlace(left) : undefined;
  if (keys === undefined || variables === undefined) return undefined;
  // Of lists the first entry stands for all.
  const wanted = keys.map((key) => (typeof key === "number" ? 0 : key)).join("/");
  return flatten(variables.roots).find(({ key }) => key === wanted);
}

function typeOfField(left: Json, variables: Variables | undefined): FieldType {
  const field = fieldAt(left, variables);
  if (field === undefined) return "any";
  const type = TYPES[field.type] ?? "any";
  const isTime = field.format === "date-time" || field.format === "date" || isMoment(field.sample ?? null);
  return type === "text" && isTime ? "moment" : type;
}

function parseRight(text: string, { operator }: Rule, type: FieldType): Json {
  if (takesList(operator)) return splitList(text).map((item) => parseItem(item, type));
  const place = text.trim();
  // An empty text is written in quotes: nothing is typed yet.
  if (place === "" || takesMoment(operator)) return place === "" ? null : place;
  if (/^(event|state|item)[.[]/.test(place) && readPlace(place) !== undefined) return { path: place };
  return parseItem(text, type);
}

/** A single value. Of a text field everything is a text; else numbers, yes and no are what they look like. */
function parseItem(text: string, type: FieldType): Json {
  const trimmed = text.trim();
  if (/^".*"$/s.test(trimmed)) return parseOperand(trimmed);
  if (type === "text" || type === "moment") return text;
  // The browser would make another number of it.
  if (/^-?\d+$/.test(trimmed) && !Number.isSafeInteger(Number(trimmed))) return text;
  return parseOperand(text);
}

/** The values of "a, b": commas part them, but not inside of quotes. */
function splitList(text: string): readonly string[] {
  const items = text.match(/(?:"(?:\\.|[^"\\])*"|[^,"]|")+/g) ?? [];
  return items.map((item) => item.trim()).filter((item) => item !== "");
}

function showRight(rule: Rule, type: FieldType): string {
  const { right } = rule;
  if (isPlace(right)) return right.path;
  if (isList(right)) return right.map((item) => showItem(item, type, true)).join(", ");
  if (right === null) return "";
  return takesMoment(rule.operator) ? String(right) : showItem(right, type, false);
}

function showItem(value: Json, type: FieldType, isInList: boolean): string {
  const plain = String(value);
  const isPlain = isInList
    ? parseItem(plain, type) === value && plain.trim() === plain && plain !== "" && !/[",]/.test(plain)
    : parseRight(plain, { kind: "rule", left: "", operator: "equals", right: "" }, type) === value;
  return isPlain ? plain : JSON.stringify(value);
}

function noteOn(rule: Rule, variables: Variables | undefined): Note | undefined {
  const { left, operator, right } = rule;
  if (typeof left === "string" && left !== "" && readPlace(left) === undefined)
    return warning(t("“{text}” is no field. One is written like event.data.total.", { text: left }));
  if (!isComplete(rule as CelRule)) {
    if (takesMoment(operator) && right !== null) return warning(t("A day is written like 2026-12-24."));
    return { isWarning: false, text: t("This row is not complete, and does not count yet.") };
  }
  const text = otherType(rule, typeOfField(left, variables));
  if (text !== undefined) return warning(text);
  const isBelow = operator === "less" || operator === "atMost";
  return isBelow ? { isWarning: false, text: t("This holds where the field is missing, too.") } : undefined;
}

function warning(text: string): Note {
  return { isWarning: true, text };
}

/** Says that a value is of another type than the field, so that they never match. */
function otherType({ operator, right }: Rule, type: FieldType): string | undefined {
  if (!BY_TYPE.has(operator) || isPlace(right)) return undefined;
  const expected = JSON_TYPES.get(type);
  const values = isList(right) ? right : [right];
  const other = values.find((value) => expected !== undefined && typeof value !== expected);
  if (other !== undefined)
    return t("{value} is of another type than the field: they never match.", { value: JSON.stringify(other) });
  const text = values.find((value) => typeof value === "string");
  return (BY_SIZE as readonly string[]).includes(operator) && type === "any" && text !== undefined && !isMoment(text)
    ? t("“{text}” is a text, and no number: it has no size.", { text: String(text) })
    : undefined;
}
