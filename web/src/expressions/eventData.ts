/** What the data of the events that start a workflow looks like, as far as anybody has said. Pure. */

import type { Json, JsonObject } from "../base/json";
import { isObject } from "../base/json";
import { kindOfTrigger, triggersOf } from "../config/triggers";
import type { WorkflowDocument } from "../document/types";

/** Schemas by the names of events, as the application declares them. */
export type EventSchemas = ReadonlyMap<string, Json>;

/** What starts a workflow at its times. */
const FIRING = objectOf({
  workflow_id: { type: "string" },
  cron: { type: "string" },
  timezone: { type: "string" },
  slot: { type: "string" },
  slot_ms: { type: "integer" },
  late_by_ms: { type: "integer" },
});
const REQUEST = objectOf({
  body: {},
  query: { type: "object" },
  headers: { type: "object" },
  method: { type: "string" },
});

/**
 * A schema of the data of each event that may start a workflow; `undefined` for one of which nothing is known. What the
 * workflow says itself, by its `inputs`, comes before what the application declares: the server sees it the same way.
 */
export function dataSchemas(document: WorkflowDocument, events: EventSchemas): readonly (JsonObject | undefined)[] {
  const own = inputsOf(document);
  return own === undefined ? triggersOf(document).map((trigger) => schemaOf(trigger, events)) : [own];
}

/** A schema of the data of the event of a name; `undefined` if nothing is known of it. */
export function dataSchema(document: WorkflowDocument, events: EventSchemas, name: string): JsonObject | undefined {
  return inputsOf(document) ?? schemaOf({ event: name }, events);
}

function inputsOf({ inputs }: WorkflowDocument): JsonObject | undefined {
  return isObject(inputs) && Object.keys(inputs).length > 0 ? inputs : undefined;
}

function schemaOf(trigger: JsonObject, events: EventSchemas): JsonObject | undefined {
  const kind = kindOfTrigger(trigger);
  if (kind === "cron") return FIRING;
  if (kind === "http") return REQUEST;
  const declared = kind === "event" && typeof trigger.event === "string" ? events.get(trigger.event) : undefined;
  return isObject(declared) ? declared : undefined;
}

function objectOf(properties: JsonObject): JsonObject {
  return { type: "object", properties };
}
