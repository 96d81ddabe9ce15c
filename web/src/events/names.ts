import type { JsonObject } from "../base/json";

/** The name of a workflow, of those that an answer names; its id, if it has none or is gone. */
export function calledBy(id: string, names: JsonObject): string {
  const name = names[id];
  return typeof name === "string" && name !== "" ? name : id;
}
