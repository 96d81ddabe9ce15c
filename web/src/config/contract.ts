/** The schema of workflow documents, which is also what the forms for settings and triggers are made from. */

import contract from "../../../schemas/workflow.schema.json";
import type { Json, JsonObject } from "../base/json";
import { isObject } from "../base/json";
import type { TriggerKind } from "./triggers";

export const CONTRACT = contract as unknown as JsonObject;

function definition(name: string): JsonObject {
  const definitions = CONTRACT.$defs;
  const found = isObject(definitions) ? definitions[name] : undefined;
  return isObject(found) ? found : {};
}

/** Schemas of the settings of a step and of a workflow. */
export const STEP_SETTINGS: JsonObject = { ...definition("settings"), type: "object" };
export const WORKFLOW_SETTINGS: JsonObject = { ...definition("workflow_settings"), type: "object" };

const FURTHER: Readonly<Record<TriggerKind, readonly string[]>> = {
  event: ["if"],
  cron: ["timezone", "jitter", "overlap", "catch_up", "starts_on", "ends_on", "skip_dates"],
  webhook: ["if"],
  manual: [],
  http: [],
};

/** The schema of a trigger of one kind: what it may say beside its kind, too. */
export function triggerSchema(kind: TriggerKind): JsonObject {
  const all = definition("trigger").properties;
  const names = [...(kind === "manual" ? [] : [kind]), ...FURTHER[kind]];
  const properties = Object.fromEntries(
    names.map((name): [string, Json] => [name, (isObject(all) ? all[name] : undefined) ?? {}]),
  );
  return { type: "object", properties, required: kind === "manual" ? [] : [kind] };
}
