/** The form of an event's data: as the workflow or the application says, or as the data that is there tells. Pure. */

import type { Json, JsonObject } from "../base/json";
import { isList, isObject } from "../base/json";
import type { Schema } from "../config/schema";

/** The most that is told from data: more is for a text. */
const MOST_FIELDS = 30;
const DEEPEST = 3;

/** The schema for a form of the event's data; none where nothing is known of it. */
export function eventSchema(declared: JsonObject | undefined, data: JsonObject | undefined): Schema | undefined {
  if (declared !== undefined && hasFields(declared)) return { type: "object", ...declared };
  if (data === undefined || Object.keys(data).length === 0) return undefined;
  return schemaOf(data, DEEPEST);
}

/** Whether a schema says enough for a form. */
function hasFields({ properties }: JsonObject): boolean {
  return isObject(properties) && Object.keys(properties).length > 0;
}

function schemaOf(value: Json, depth: number): Schema {
  if (isObject(value) && depth > 0) {
    const fields = Object.entries(value).slice(0, MOST_FIELDS);
    return {
      type: "object",
      properties: Object.fromEntries(fields.map(([name, one]) => [name, named(name, one, depth)])),
    };
  }
  if (isList(value) && depth > 0)
    return { type: "array", ...(value[0] === undefined ? {} : { items: schemaOf(value[0], depth - 1) }) };
  if (typeof value === "string") return { type: "string" };
  if (typeof value === "boolean") return { type: "boolean" };
  return typeof value === "number" ? { type: "number" } : {};
}

function named(name: string, value: Json, depth: number): Schema {
  return { title: name, ...schemaOf(value, depth - 1) };
}
