/** JSON values, and JSON pointers (RFC 6901) into them. Nothing here changes a value it is given. */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** The way to a place inside a value: keys of objects and indexes of lists. */
export type Path = readonly (string | number)[];

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object that a text is in JSON; nothing is an empty one, and `undefined` comes of everything else. */
export function objectFrom(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text.trim() === "" ? "{}" : text) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isList(value: unknown): value is readonly Json[] {
  return Array.isArray(value);
}

/** Whether two values are equal by content, whatever the order of keys. */
export function isEqual(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (isList(left) && isList(right)) {
    return left.length === right.length && left.every((item, index) => isEqual(item, right[index]));
  }
  if (!isObject(left) || !isObject(right)) return false;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length && keys.every((key) => key in right && isEqual(left[key], right[key]))
  );
}

/** The value at a place, or `undefined` where there is none. */
export function valueAt(value: Json | undefined, path: Path): Json | undefined {
  let here = value;
  for (const key of path) {
    if (isList(here) && typeof key === "number") here = here[key];
    else if (isObject(here) && Object.hasOwn(here, key)) here = here[String(key)];
    else return undefined;
  }
  return here;
}

/** The value with another one at a place; objects on the way are made. `undefined` takes the place away. */
export function withValueAt(value: Json | undefined, path: Path, replacement: Json | undefined): Json | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return replacement;
  if (isList(value) && typeof key === "number") {
    const changed = withValueAt(value[key], rest, replacement);
    return changed === undefined ? value.toSpliced(key, 1) : value.with(Math.min(key, value.length - 1), changed);
  }
  const object = isObject(value) ? value : {};
  const changed = withValueAt(object[key], rest, replacement);
  return changed === undefined ? without(object, String(key)) : { ...object, [key]: changed };
}

/** An object without one of its keys: itself, if it does not have it. */
export function without<T extends object>(object: T, key: string): T {
  if (!Object.hasOwn(object, key)) return object;
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key)) as T;
}

export function toPointer(path: Path): string {
  return path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The keys of a pointer. All are texts: what is an index only the value knows. */
export function fromPointer(pointer: string): readonly string[] {
  if (pointer === "" || pointer === "#") return [];
  return pointer
    .replace(/^#?\//, "")
    .split("/")
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** A value on one line, cut off after so many characters. */
export function summary(value: Json | undefined, length = 80): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
