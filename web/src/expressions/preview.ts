/** What a text with references would be, with the values of an earlier run. */

import type { Json } from "../base/json";
import { findReferences, isReference } from "../document/references";
import { follow, readPath } from "./paths";
import type { Variables } from "./variables";
import { t } from "../locale/locale";

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

/** What is wrong with the path of a reference, as far as can be told from what may be referred to. */
export function pathProblem(path: string, variables: Variables): string | undefined {
  const steps = readPath(path);
  if (steps === undefined) return path.startsWith("$") ? undefined : t("A reference begins with $.");
  const [root, id] = steps;
  const roots = new Set(variables.roots.map(({ path: [first] }) => first));
  if (typeof root !== "string" || (root !== "state" && !roots.has(root)))
    return t("There is no {name} here.", { name: String(root ?? "$") });
  if (root !== "state") return undefined;
  if (id === undefined) return t("Name a step: $.state.<id>");
  const isKnown = variables.roots.some(({ path: [first, name] }) => first === "state" && name === id);
  return isKnown ? undefined : t("No step {id} comes before this one.", { id: String(id) });
}
