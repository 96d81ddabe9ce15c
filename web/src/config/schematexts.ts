/** Titles and help of a schema in the language of the editor. */

import type { Json, JsonObject } from "../base/json";
import { isList, isObject } from "../base/json";
import { humanize } from "./schema";

type Translate = (text: string) => string | undefined;

/**
 * The schema with its texts translated. Properties without a title get one, made of their names; help that `translate`
 * does not know is left out, so that languages do not mix.
 */
export function inLanguage(schema: JsonObject, translate: Translate): JsonObject {
  return Object.fromEntries(Object.entries(schema).flatMap(([key, value]) => entry(key, value, translate)));
}

function entry(key: string, value: Json, translate: Translate): [string, Json][] {
  if (key === "title" && typeof value === "string") return [[key, translate(value) ?? value]];
  if (key === "description" && typeof value === "string") {
    const text = translate(value);
    return text === undefined ? [] : [[key, text]];
  }
  if (key === "properties" && isObject(value)) return [[key, named(value, translate)]];
  return [[key, key === "default" || key === "const" || key === "enum" ? value : inside(value, translate)]];
}

function inside(value: Json, translate: Translate): Json {
  if (isList(value)) return value.map((item) => inside(item, translate));
  return isObject(value) ? inLanguage(value, translate) : value;
}

function named(properties: JsonObject, translate: Translate): JsonObject {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => {
      if (!isObject(value)) return [name, value];
      const title = typeof value.title === "string" ? value.title : humanize(name);
      return [name, { ...inLanguage(value, translate), title: translate(title) ?? title }];
    }),
  );
}
