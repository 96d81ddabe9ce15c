/** Opening a document: whether it can be drawn, and ids for the edges that have none. */

import type { Json, JsonObject } from "../base/json";
import { isList, isObject } from "../base/json";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";
import type { Graph, WorkflowDocument } from "./types";

/** Why a value cannot be drawn as a workflow. */
export class NotAWorkflow extends Error {
  constructor(
    readonly pointer: string,
    reason: Message,
  ) {
    super(t(reason, { place: pointer === "" ? t("The document") : pointer }));
  }
}

/** The document with an id on every edge. Throws `NotAWorkflow` where the canvas could not show all of it. */
export function openDocument(value: Json): WorkflowDocument {
  if (!isObject(value)) throw new NotAWorkflow("", "{place} is not a JSON object");
  return openGraph(value, "") as unknown as WorkflowDocument;
}

/** The document as it is stored and sent. */
export function toJson(document: WorkflowDocument | Graph): JsonObject {
  return document as unknown as JsonObject;
}

function openGraph(value: JsonObject, pointer: string): JsonObject {
  const actions = entries(value, "actions", pointer).map((entry, index) =>
    openAction(entry, `${pointer}/actions/${index}`),
  );
  refuseDoubles(actions, pointer);
  const edges = entries(value, "edges", pointer).map((entry, index) => {
    demandText(entry, "from", `${pointer}/edges/${index}`);
    demandText(entry, "to", `${pointer}/edges/${index}`);
    return entry;
  });
  return { ...value, actions, edges: withIds(edges) };
}

function openAction(entry: JsonObject, pointer: string): JsonObject {
  demandText(entry, "id", pointer);
  demandText(entry, "kind", pointer);
  return isObject(entry.body) ? { ...entry, body: openGraph(entry.body, `${pointer}/body`) } : entry;
}

function entries(value: JsonObject, key: string, pointer: string): readonly JsonObject[] {
  const found = value[key] ?? [];
  if (!isList(found)) throw new NotAWorkflow(`${pointer}/${key}`, "{place} is not a list");
  return found.map((entry, index) => {
    if (!isObject(entry)) throw new NotAWorkflow(`${pointer}/${key}/${index}`, "{place} is not a JSON object");
    return entry;
  });
}

function demandText(entry: JsonObject, key: string, pointer: string): void {
  if (typeof entry[key] !== "string" || entry[key] === "")
    throw new NotAWorkflow(`${pointer}/${key}`, "{place} is not a text");
}

function refuseDoubles(actions: readonly JsonObject[], pointer: string): void {
  const seen = new Set<Json | undefined>();
  actions.forEach((action, index) => {
    if (seen.has(action.id))
      throw new NotAWorkflow(`${pointer}/actions/${index}/id`, "{place} is the id of another action, too");
    seen.add(action.id);
  });
}

/** Gives the edges without an id, or with one that is taken, the first free ones. */
function withIds(edges: readonly JsonObject[]): readonly JsonObject[] {
  const taken = new Set(edges.map((edge) => edge.id));
  const seen = new Set<Json | undefined>();
  let number = 0;
  return edges.map((edge) => {
    if (typeof edge.id === "string" && edge.id !== "" && !seen.has(edge.id)) {
      seen.add(edge.id);
      return edge;
    }
    do number += 1;
    while (taken.has(`edge-${number}`));
    taken.add(`edge-${number}`);
    return { ...edge, id: `edge-${number}` };
  });
}
