/** The schema of workflow documents, which is also what the forms for settings and triggers are made from. */

import document from "../../../schemas/workflow.schema.json";
import type { Json, JsonObject } from "../base/json";
import { isObject } from "../base/json";
import type { Locale } from "../locale/locale";
import { locale, translated } from "../locale/locale";
import { CONDITION } from "./schema";
import { inLanguage } from "./schematexts";
import type { TriggerKind } from "./triggers";

const WRITTEN = document as unknown as JsonObject;
let spoken: { readonly language: Locale; readonly contract: JsonObject } | undefined;

/** The schema, with titles and help in the present language. */
export function contract(): JsonObject {
  if (spoken?.language !== locale())
    spoken = { language: locale(), contract: locale() === "en" ? WRITTEN : inLanguage(WRITTEN, translated) };
  return spoken.contract;
}

function definition(name: string): JsonObject {
  const definitions = contract().$defs;
  const found = isObject(definitions) ? definitions[name] : undefined;
  return isObject(found) ? found : {};
}

/** Schemas of the settings of a step and of a workflow. */
export function stepSettings(): JsonObject {
  return asCondition({ ...definition("settings"), type: "object" }, "skip_if");
}

export function workflowSettings(): JsonObject {
  return { ...definition("workflow_settings"), type: "object" };
}

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
  return asCondition({ type: "object", properties, required: kind === "manual" ? [] : [kind] }, "if");
}

/** The schema with a field of it marked as an expression that holds or does not. */
function asCondition(schema: JsonObject, name: string): JsonObject {
  const { properties } = schema;
  const field = isObject(properties) ? properties[name] : undefined;
  if (!isObject(properties) || !isObject(field)) return schema;
  return { ...schema, properties: { ...properties, [name]: { ...field, [CONDITION]: true } } };
}
