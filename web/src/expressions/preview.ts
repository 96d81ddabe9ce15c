/** What a text with references would be, with the values of an earlier run. */

import type { Json } from "../base/json";
import { findReferences, isReference } from "../document/references";
import { follow, readPath } from "./paths";
import type { Variables } from "./variables";

export type Preview =
  | { readonly kind: "value"; readonly value: Json }
  /** There is no earlier run, or it has nothing there. */
  | { readonly kind: "missing" }
  /** Only the engine can follow this path. */
  | { readonly kind: "unknown" };

export function preview(text: string, variables: Variables): Preview {
  if (isReference(text)) return resolve(findReferences(text)[0]?.path ?? "", variables);
  let result = "";
  let done = 0;
  for (const { start, end, path } of findReferences(text)) {
    const found = resolve(path, variables);
    if (found.kind !== "value") return found;
    result += text.slice(done, start) + asText(found.value);
    done = end;
  }
  return { kind: "value", value: result + text.slice(done) };
}

function resolve(path: string, { values }: Variables): Preview {
  const steps = readPath(path);
  if (steps === undefined) return { kind: "unknown" };
  const value = follow(values, steps);
  return value === undefined ? { kind: "missing" } : { kind: "value", value };
}

function asText(value: Json): string {
  if (value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
