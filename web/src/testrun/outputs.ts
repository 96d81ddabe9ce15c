/** The output of an action as its schema declares it: one that is made up, and what does not fit. Pure. */

import type { Json } from "../base/json";
import { fromPointer, isList, isObject, without } from "../base/json";
import type { Schema } from "../config/schema";
import { describe, resolve } from "../config/schema";
import { validate } from "../config/validate";
import { t } from "../locale/locale";

/** Schemas may lead into themselves. */
const DEEPEST = 6;
/** What texts of a format may be, so that what comes after can read them. */
const TEXTS: Readonly<Record<string, string>> = {
  "date-time": "2026-01-31T09:00:00Z",
  date: "2026-01-31",
  time: "09:00:00Z",
  email: "ada@example.com",
  uri: "https://example.com",
  uuid: "00000000-0000-4000-8000-000000000000",
};

/** A value that a schema allows: its example, its default, or the plainest one of its type. */
export function madeUp(schema: Json | undefined, root: Schema, depth = 0): Json {
  const { schema: inner, isNullable, choices } = describe(schema, root);
  const outer = resolve(schema, root);
  const [example] = [...listOf(outer.examples), ...listOf(inner.examples)];
  const said = [example, outer.default, inner.default, inner.const, listOf(inner.enum)[0]];
  const found = said.find((value) => value !== undefined);
  if (found !== undefined) return found;
  if (depth >= DEEPEST) return isNullable ? null : plainest(inner);
  if (choices[0] !== undefined) return madeUp(choices[0].schema, root, depth + 1);
  if (isList(inner.allOf) && inner.allOf.length > 0) return joined(inner, inner.allOf, root, depth);
  if (isObject(inner.properties)) {
    const fields = Object.entries(inner.properties);
    return Object.fromEntries(fields.map(([name, field]) => [name, madeUp(field, root, depth + 1)]));
  }
  if (inner.type === "array") {
    const least = Math.min(Number(inner.minItems ?? 0), DEEPEST);
    return Array.from({ length: least }, () => madeUp(inner.items, root, depth + 1));
  }
  return plainest(inner);
}

function joined(schema: Schema, parts: readonly Json[], root: Schema, depth: number): Json {
  const values = [...parts, without(schema, "allOf")].map((part) => madeUp(part, root, depth + 1)).filter(isObject);
  return Object.assign({}, ...values) as Json;
}

function plainest({ type, format, minLength, minimum }: Schema): Json {
  const [first] = isList(type) ? type : [type];
  if (first === "string") return TEXTS[String(format)] ?? "x".repeat(Math.min(Number(minLength ?? 0), 100));
  if (first === "number" || first === "integer") return typeof minimum === "number" ? minimum : 0;
  if (first === "boolean") return false;
  if (first === "array") return [];
  return first === "null" ? null : {};
}

function listOf(value: Json | undefined): readonly Json[] {
  return isList(value) ? value : [];
}

/** What of a value is not as its schema declares it, a line each: "lines › 0 › sku is missing". */
export function misfits(schema: Schema, value: Json): readonly string[] {
  const wrong = [...validate(schema, value)].map(([pointer, message]) => {
    const field = fromPointer(pointer).join(" › ");
    return field === "" ? message : `${field}: ${message}`;
  });
  return [...lacking(schema, schema, value, []).map((field) => t("{field} is missing", { field })), ...wrong];
}

/** The fields that have to be there and are not. */
function lacking(schema: Json | undefined, root: Schema, value: Json, path: readonly string[]): readonly string[] {
  const here = resolve(schema, root);
  const parts = listOf(here.allOf).flatMap((part) => lacking(part, root, value, path));
  if (isList(value)) {
    const { items } = here;
    return [...parts, ...value.flatMap((one, index) => lacking(items, root, one, [...path, String(index)]))];
  }
  if (!isObject(value)) return parts;
  const needed = listOf(here.required).filter((name) => !Object.hasOwn(value, String(name)));
  const inside = Object.entries(isObject(here.properties) ? here.properties : {}).flatMap(([name, field]) => {
    const one = value[name];
    return one === undefined ? [] : lacking(field, root, one, [...path, name]);
  });
  return [...parts, ...needed.map((name) => [...path, String(name)].join(" › ")), ...inside];
}
