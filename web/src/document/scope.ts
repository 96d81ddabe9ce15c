/** Ways into a document: the graphs of loops, and the part of the metadata that is the editor's. */

import type { Json, JsonObject } from "../base/json";
import { isObject, valueAt, without, withValueAt } from "../base/json";
import type { Graph, Position, Scope, WorkflowAction, WorkflowDocument } from "./types";
import { SOURCE } from "./types";

const EMPTY: Graph = { actions: [], edges: [] };

/** The graph of a scope; an empty one, if a loop on the way has no body or does not exist. */
export function graphAt(document: WorkflowDocument, scope: Scope): Graph {
  let graph: Graph = document;
  for (const id of scope) graph = graph.actions.find((action) => action.id === id)?.body ?? EMPTY;
  return graph;
}

/** The document with another graph in a scope. */
export function withGraph(document: WorkflowDocument, scope: Scope, change: (graph: Graph) => Graph): WorkflowDocument {
  return changeGraph(document, scope, change);
}

function changeGraph<G extends Graph>(graph: G, scope: Scope, change: (graph: Graph) => Graph): G {
  const [id, ...rest] = scope;
  if (id === undefined) {
    const { actions, edges } = change(graph);
    return actions === graph.actions && edges === graph.edges ? graph : { ...graph, actions, edges };
  }
  return changeAction(graph, id, (action) => {
    const body = changeGraph(action.body ?? EMPTY, rest, change);
    return body === action.body ? action : { ...action, body };
  });
}

/** The graph with another action in the place of one; itself, if that is the same. */
export function changeAction<G extends Graph>(
  graph: G,
  id: string,
  change: (action: WorkflowAction) => WorkflowAction,
): G {
  const index = graph.actions.findIndex((action) => action.id === id);
  const action = graph.actions[index];
  if (action === undefined) return graph;
  const changed = change(action);
  return changed === action ? graph : { ...graph, actions: graph.actions.with(index, changed) };
}

/** The action of an id in a scope. */
export function findAction(document: WorkflowDocument, scope: Scope, id: string): WorkflowAction | undefined {
  return graphAt(document, scope).actions.find((action) => action.id === id);
}

/** The name under which the editor keeps something about a node: ids hold no "/". */
export function layoutKey(scope: Scope, id: string): string {
  return [...scope, id].join("/");
}

/** Where a node was put, if it was. */
export function positionOf(document: WorkflowDocument, scope: Scope, id: string): Position | undefined {
  const found = uiValue(document, "positions", layoutKey(scope, id));
  return isObject(found) && typeof found.x === "number" && typeof found.y === "number"
    ? { x: found.x, y: found.y }
    : undefined;
}

/** Where the nodes of a graph were put: those that were. */
export function positionsOf(document: WorkflowDocument, scope: Scope): ReadonlyMap<string, Position> {
  const ids = [SOURCE, ...graphAt(document, scope).actions.map((action) => action.id)];
  return new Map(
    ids.flatMap((id): [string, Position][] => {
      const position = positionOf(document, scope, id);
      return position === undefined ? [] : [[id, position]];
    }),
  );
}

/** The document with nodes elsewhere; `undefined` forgets where a node was. */
export function withPositions(
  document: WorkflowDocument,
  scope: Scope,
  positions: ReadonlyMap<string, Position | undefined>,
): WorkflowDocument {
  let result = document;
  for (const [id, position] of positions) {
    const before = positionOf(result, scope, id);
    if (before?.x === position?.x && before?.y === position?.y) continue;
    const value = position === undefined ? undefined : { x: position.x, y: position.y };
    result = withUiValue(result, ["positions", layoutKey(scope, id)], value);
  }
  return result;
}

/**
 * What the editor keeps of a renamed or removed node, and of everything inside it, under its new name or not at all.
 * Notes and groups have ids of their own: of these it is what is inside that moves.
 */
export function withLayoutKey(
  document: WorkflowDocument,
  scope: Scope,
  id: string,
  newId: string | undefined,
): WorkflowDocument {
  const own = layoutKey(scope, id);
  const moved = (key: string): string | undefined =>
    newId === undefined ? undefined : layoutKey(scope, newId) + key.slice(own.length);
  const isInside = (key: string): boolean => key.startsWith(`${own}/`);
  let result = withKeys(document, "positions", (key) => (key === own || isInside(key) ? moved(key) : key));
  for (const part of ["notes", "groups"]) result = withKeys(result, part, (key) => (isInside(key) ? moved(key) : key));
  return result;
}

/** The document with a part of what the editor keeps under other keys; what gets none is dropped. */
function withKeys(
  document: WorkflowDocument,
  part: string,
  change: (key: string) => string | undefined,
): WorkflowDocument {
  const kept = uiValue(document, part);
  if (!isObject(kept)) return document;
  const entries = Object.entries(kept).map(([key, value]) => [key, change(key), value] as const);
  if (entries.every(([key, changed]) => key === changed)) return document;
  const moved = entries.flatMap(([, key, value]): [string, Json][] => (key === undefined ? [] : [[key, value]]));
  return withUiValue(document, [part], Object.fromEntries(moved));
}

/** A value that the editor keeps with the document. The engine reads none of them. */
export function uiValue(document: WorkflowDocument, ...path: readonly string[]): Json | undefined {
  return valueAt(document.metadata ?? undefined, ["ui", ...path]);
}

/** What the editor keeps of a graph in a part, by ids of its own. */
export function uiEntries(
  document: WorkflowDocument,
  scope: Scope,
  part: string,
): readonly (readonly [string, JsonObject])[] {
  const kept = uiValue(document, part);
  const prefix = layoutKey(scope, "");
  return Object.entries(isObject(kept) ? kept : {}).flatMap(([key, value]) => {
    const id = key.slice(prefix.length);
    return key.startsWith(prefix) && !id.includes("/") && isObject(value) ? [[id, value] as const] : [];
  });
}

/** The document with another value of the editor's; empty objects are not kept. */
export function withUiValue(
  document: WorkflowDocument,
  path: readonly string[],
  value: Json | undefined,
): WorkflowDocument {
  const metadata = withValueAt(document.metadata ?? {}, ["ui", ...path], value) as JsonObject;
  return { ...document, metadata };
}

/** The pointer of an action in the document. */
export function pointerOf(document: WorkflowDocument, scope: Scope, id: string): string {
  const [outer, ...rest] = [...scope, id];
  const index = document.actions.findIndex((action) => action.id === outer);
  const here = `/actions/${index}`;
  const body = document.actions[index]?.body;
  if (rest.length === 0 || body === undefined) return here;
  return `${here}/body${pointerOf(body as WorkflowDocument, rest.slice(0, -1), rest.at(-1) ?? "")}`;
}

/** All ids of a graph and of the loops in it, and the trigger's. */
export function allIds(graph: Graph, found: Set<string> = new Set([SOURCE])): Set<string> {
  for (const action of graph.actions) {
    found.add(action.id);
    if (action.body !== undefined) allIds(action.body, found);
  }
  return found;
}

/** A document without a value that is not set: documents hold no `undefined`. */
export function withOptional<T extends object>(object: T, key: keyof T & string, value: T[keyof T] | undefined): T {
  return value === undefined ? without(object, key) : { ...object, [key]: value };
}
