/** Forms that people fill in, as rows: reading them from a JSON Schema and writing them back, with nothing lost. Pure. */

import type { Json, JsonObject } from "../../base/json";
import { isEqual, isList, isObject, without } from "../../base/json";

/** What is asked for. What rows do not know is kept as it is: `other`. */
export const ROW_KINDS = ["text", "area", "number", "integer", "boolean", "date", "choice"] as const;
export type RowKind = (typeof ROW_KINDS)[number] | "other";

export interface Row {
  /** Stays the same while its form is edited. */
  readonly id: number;
  /** How later steps call it. */
  readonly name: string;
  readonly label: string;
  readonly help: string;
  readonly kind: RowKind;
  readonly isRequired: boolean;
  /** The values of a choice. */
  readonly choices: readonly string[];
  /** What its schema says beside that. */
  readonly rest: JsonObject;
  /** Whether its name follows its label: nobody has named it, and nothing refers to it. */
  readonly isUnnamed: boolean;
}

export interface Form {
  readonly rows: readonly Row[];
  /** What the schema says beside the fields. */
  readonly outer: JsonObject;
}

/** What a schema may say around its fields without meaning something that rows do not show. */
const HARMLESS: ReadonlySet<string> = new Set(["title", "description", "$schema", "$comment", "examples"]);

function isHarmless([key, said]: [string, Json]): boolean {
  return HARMLESS.has(key) || (key === "additionalProperties" && typeof said === "boolean");
}

/** The form of a schema; `undefined` if rows cannot show what it says. */
export function formOf(value: Json | undefined): Form | undefined {
  if (value === undefined || value === null) return { rows: [], outer: {} };
  if (!isObject(value)) return undefined;
  const { type, properties = {}, required = [], ...outer } = value;
  if (type !== "object" || !isObject(properties) || !isList(required)) return undefined;
  if (!Object.entries(outer).every(isHarmless)) return undefined;
  if (!required.every((name) => typeof name === "string" && Object.hasOwn(properties, name))) return undefined;
  if (!Object.values(properties).every(isObject)) return undefined;
  const rows = Object.entries(properties).map(([name, schema], id) =>
    rowOf(id, name, schema as JsonObject, required.includes(name)),
  );
  return { rows, outer };
}

function rowOf(id: number, name: string, schema: JsonObject, isRequired: boolean): Row {
  const { title, description, ...said } = schema;
  const hasTexts = [title, description].every(
    (text) => text === undefined || (typeof text === "string" && text !== ""),
  );
  const row = { id, name, isRequired, isUnnamed: false, choices: [] };
  if (!hasTexts) return { ...row, label: "", help: "", kind: "other", rest: schema };
  const texts = { label: String(title ?? ""), help: String(description ?? "") };
  return { ...row, ...texts, ...kindOf(said) };
}

const AREA: JsonObject = { widget: "textarea" };

type Kind = Pick<Row, "kind" | "rest"> & Partial<Pick<Row, "choices">>;

/** The kind of a field, and what its schema says beside it. */
function kindOf(said: JsonObject): Kind {
  const { type, ...rest } = said;
  const isSimple = !("enum" in rest) && !("ui" in rest);
  if (type === "number" || type === "integer" || type === "boolean")
    return isSimple ? { kind: type, rest } : asItIs(said);
  if (type !== "string") return asItIs(said);
  return ("enum" in rest ? kindOfChoice(rest) : kindOfText(rest)) ?? asItIs(said);
}

function asItIs(said: JsonObject): Kind {
  return { kind: "other", rest: said };
}

function kindOfText(rest: JsonObject): Kind | undefined {
  const { ui, format } = rest;
  if (ui !== undefined)
    return format === undefined && isEqual(ui, AREA) ? { kind: "area", rest: without(rest, "ui") } : undefined;
  if (format === "date") return { kind: "date", rest: without(rest, "format") };
  return format === "date-time" || format === "time" ? undefined : { kind: "text", rest };
}

function kindOfChoice({ enum: values, ...rest }: JsonObject): Kind | undefined {
  const isChoice = isList(values) && values.length > 0 && values.every((each) => isChoosable(each, values));
  return isChoice ? { kind: "choice", choices: values as readonly string[], rest } : undefined;
}

/** A line of text that stands there once. */
function isChoosable(value: Json, values: readonly Json[]): boolean {
  return typeof value === "string" && linesOf(value).join("") === value && value !== "" && count(values, value) === 1;
}

function count(values: readonly Json[], wanted: Json): number {
  return values.filter((each) => each === wanted).length;
}

/** The lines of a text that say something, each once. */
export function linesOf(text: string): readonly string[] {
  const lines = text.split("\n").map((line) => line.trim());
  return [...new Set(lines.filter((line) => line !== ""))];
}

const SAID: Readonly<Record<RowKind, (row: Row) => JsonObject>> = {
  text: () => ({ type: "string" }),
  area: () => ({ type: "string", ui: AREA }),
  number: () => ({ type: "number" }),
  integer: () => ({ type: "integer" }),
  boolean: () => ({ type: "boolean" }),
  date: () => ({ type: "string", format: "date" }),
  // A choice of nothing cannot be made: it becomes one when there is something.
  choice: ({ choices }) => ({ type: "string", ...(choices.length > 0 && { enum: choices }) }),
  other: () => ({}),
};

/** The schema of a form; `undefined` for one that asks for nothing. Rows without a name are not there yet. */
export function schemaOf({ rows, outer }: Form): JsonObject | undefined {
  const named = rows.filter(({ name }) => name !== "");
  if (named.length === 0 && Object.keys(outer).length === 0) return undefined;
  const required = named.filter(({ isRequired }) => isRequired).map(({ name }) => name);
  return {
    type: "object",
    ...outer,
    properties: Object.fromEntries(named.map((row): [string, Json] => [row.name, schemaOfRow(row)])),
    ...(required.length > 0 && { required }),
  };
}

function schemaOfRow(row: Row): JsonObject {
  const { label, help, kind, rest } = row;
  return {
    ...(label.trim() !== "" && { title: label.trim() }),
    ...(help.trim() !== "" && { description: help.trim() }),
    ...SAID[kind](row),
    ...rest,
  };
}

/** Among which kinds what a schema says besides goes on to mean something. */
const ALIKE: readonly (readonly RowKind[])[] = [
  ["text", "area"],
  ["number", "integer"],
];

/** A row of another kind. */
export function ofKind(row: Row, kind: RowKind): Row {
  const isAlike = ALIKE.some((kinds) => kinds.includes(row.kind) && kinds.includes(kind));
  return { ...row, kind, rest: isAlike ? without(row.rest, "format") : {} };
}

/** A row with another label; what nobody has named is called after it. */
export function labelled(row: Row, label: string, rows: readonly Row[]): Row {
  return { ...row, label, name: row.isUnnamed ? nameFor(label, row, rows) : row.name };
}

/** A row that is not in the schema before it has a label. */
export function newRow(rows: readonly Row[]): Row {
  const id = Math.max(-1, ...rows.map((row) => row.id)) + 1;
  return { id, name: "", label: "", help: "", kind: "text", isRequired: false, choices: [], rest: {}, isUnnamed: true };
}

/** A name that can be written in every reference and expression, and that no other row has. */
function nameFor(label: string, row: Row, rows: readonly Row[]): string {
  if (label.trim() === "") return "";
  const words = label
    .normalize("NFKD")
    .replaceAll("ß", "ss")
    .replaceAll(/\p{Mark}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_+|_+$/g, "");
  const base = /^[a-z]/.test(words) ? words.slice(0, 40) : `field_${words}`.replace(/_$/, "");
  const taken = new Set(rows.filter(({ id }) => id !== row.id).map(({ name }) => name));
  let name = base;
  for (let number = 2; taken.has(name); number += 1) name = `${base}_${number}`;
  return name;
}

export type NameProblem = "missing" | "taken" | "unusual";

/** Why a row cannot have a name. */
export function nameProblem(name: string, row: Row, rows: readonly Row[]): NameProblem | undefined {
  if (name === "") return "missing";
  if (rows.some((other) => other.id !== row.id && other.name === name)) return "taken";
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? undefined : "unusual";
}

/** The rows with one of them at another place. */
export function moved(rows: readonly Row[], from: number, to: number): readonly Row[] {
  const row = rows[from];
  return row === undefined || to < 0 || to >= rows.length ? rows : rows.toSpliced(from, 1).toSpliced(to, 0, row);
}
