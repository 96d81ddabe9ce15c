/** Whether a path can lead to something that a schema declares, as the server tells it. Pure. */

import type { Json, JsonObject } from "../base/json";
import { fromPointer, isList, isObject, valueAt } from "../base/json";

type Key = string | number;

/** Schemas looked into at most for one path: schemas may refer to themselves. Past it the answer is yes. */
const MOST_LOOKS = 200;
const SAYING = ["type", "properties", "items", "prefixItems"];

/**
 * Whether keys lead to something that a schema declares; yes where it does not say. What is not among the declared
 * members is a mistake more often than not, although a value might have it.
 */
export function mayLead(schema: Json, keys: readonly Key[]): boolean {
  let looks = 0;
  const leads = (here: Json | undefined, rest: readonly Key[]): boolean => {
    looks += 1;
    if (rest.length === 0 || looks > MOST_LOOKS || !isObject(here)) return here !== false;
    const alternatives = alternativesOf(here, schema);
    const isOther = (): boolean => alternatives.some((each) => leads(each, rest));
    if (!SAYING.some((key) => key in here)) return alternatives.length === 0 || isOther();
    return own(here, rest) || isOther();
  };
  const own = (here: JsonObject, [key = "", ...rest]: readonly Key[]): boolean => {
    const types = isList(here.type) ? here.type : [here.type ?? "any"];
    const may = (type: string): boolean => types.includes(type) || types.includes("any");
    const isIndex = typeof key === "number" || /^\d+$/.test(key);
    if (isIndex && may("array") && leads(entryAt(here, Number(key)), rest)) return true;
    return typeof key === "string" && may("object") && inObject(here, key, rest);
  };
  const inObject = (here: JsonObject, name: string, rest: readonly Key[]): boolean => {
    const declared = isObject(here.properties) ? here.properties : {};
    if (Object.hasOwn(declared, name)) return leads(declared[name], rest);
    const others = here.additionalProperties ?? true;
    if (isObject(others)) return leads(others, rest);
    return "patternProperties" in here || (others !== false && Object.keys(declared).length === 0);
  };
  return leads(schema, keys);
}

function alternativesOf(schema: JsonObject, root: Json): readonly (Json | undefined)[] {
  const combined = ["allOf", "anyOf", "oneOf"].flatMap((name) => {
    const options = schema[name];
    return isList(options) ? options : [];
  });
  const { $ref: reference } = schema;
  if (typeof reference !== "string") return combined;
  return [...combined, reference.startsWith("#") ? (valueAt(root, fromPointer(reference)) ?? true) : true];
}

function entryAt(schema: JsonObject, index: number): Json {
  const first = isList(schema.prefixItems) ? schema.prefixItems : [];
  return first[index] ?? schema.items ?? true;
}
