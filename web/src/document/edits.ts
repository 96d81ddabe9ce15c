/** Everything that can be done to a document. Each function gives the document after it; the same one for no change. */

import type { JsonObject } from "../base/json";
import { groupBy } from "../base/lists";
import { refusal } from "./graph";
import { withMembers } from "./groups";
import { allocateId } from "./ids";
import { renameInEntry } from "./references";
import {
  allIds,
  changeAction,
  findAction,
  graphAt,
  withGraph,
  withLayoutKey,
  withOptional,
  withPositions,
} from "./scope";
import { LOOP_KIND } from "./types";
import type { Conditional, Graph, Position, Scope, WorkflowAction, WorkflowDocument, WorkflowEdge } from "./types";
import { t } from "../locale/locale";

/** Where a new step goes: after a node (over one of its ways out), onto an edge, or nowhere yet. */
export type Place =
  | { readonly at: "free"; readonly position: Position }
  | { readonly at: "after"; readonly from: string; readonly way?: Way; readonly position: Position }
  | { readonly at: "edge"; readonly edgeId: string; readonly position: Position };

/** One of the ways on which a step may be left. */
export interface Way {
  readonly name?: string;
  readonly conditional?: Conditional;
}

export interface NewAction {
  readonly kind: string;
  readonly name?: string;
  readonly inputs?: JsonObject;
  /** The way that goes on to what follows, for a step put onto an edge. */
  readonly onward?: Way;
}

export interface Added {
  readonly document: WorkflowDocument;
  readonly id: string;
}

/** Adds a step. Put onto an edge A to B it becomes A to N to B; the condition stays on A to N. */
export function addAction(document: WorkflowDocument, scope: Scope, action: NewAction, place: Place): Added {
  const { document: counted, id } = allocateId(document, action.kind);
  const entry: WorkflowAction = {
    id,
    kind: action.kind,
    ...(action.name === undefined ? {} : { name: action.name }),
    ...(action.inputs === undefined ? {} : { inputs: action.inputs }),
    ...(action.kind === LOOP_KIND ? { body: { actions: [], edges: [] } } : {}),
  };
  let result = withGraph(counted, scope, (graph) => ({ ...graph, actions: [...graph.actions, entry] }));
  result = withPositions(result, scope, new Map([[id, place.position]]));
  if (place.at === "after") result = connect(result, scope, place.from, id, place.way);
  if (place.at === "edge") {
    const edge = graphAt(result, scope).edges.find((candidate) => candidate.id === place.edgeId);
    if (edge !== undefined) {
      result = changeEdge(result, scope, edge.id, (old) => ({ ...old, to: id }));
      result = connect(result, scope, id, edge.to, action.onward);
    }
  }
  return { document: result, id };
}

/** Adds an edge, unless it may not be. A second one between the same two needs a condition to tell them apart. */
export function connect(
  document: WorkflowDocument,
  scope: Scope,
  from: string,
  to: string,
  way?: Way,
): WorkflowDocument {
  const graph = graphAt(document, scope);
  if (refusal(graph, from, to) !== undefined) return document;
  const isThere = graph.edges.some((edge) => edge.from === from && edge.to === to && sameWay(edge, way));
  if (isThere) return document;
  const { document: counted, id } = allocateId(document, "edge");
  const edge: WorkflowEdge = {
    id,
    from,
    to,
    ...(way?.name === undefined ? {} : { name: way.name }),
    ...(way?.conditional === undefined ? {} : { conditional: way.conditional }),
  };
  return withGraph(counted, scope, (old) => ({ ...old, edges: [...old.edges, edge] }));
}

function sameWay(edge: WorkflowEdge, way: Way | undefined): boolean {
  return JSON.stringify(edge.conditional ?? null) === JSON.stringify(way?.conditional ?? null);
}

/** Leads an edge from or to somewhere else, unless it may not be. */
export function reconnect(
  document: WorkflowDocument,
  scope: Scope,
  edgeId: string,
  from: string,
  to: string,
  way?: Way,
): WorkflowDocument {
  const graph = graphAt(document, scope);
  const edge = graph.edges.find((candidate) => candidate.id === edgeId);
  if (edge === undefined) return document;
  const others = { ...graph, edges: graph.edges.filter((candidate) => candidate !== edge) };
  if (refusal(others, from, to) !== undefined) return document;
  if (edge.from === from && way === undefined) {
    return edge.to === to ? document : changeEdge(document, scope, edgeId, (old) => ({ ...old, to }));
  }
  return changeEdge(document, scope, edgeId, (old) => {
    const moved = withOptional({ ...old, from, to }, "conditional", way?.conditional);
    return withOptional(moved, "name", way?.name);
  });
}

/**
 * Removes steps and edges, and the edges of removed steps. What would then follow nothing any more follows what came
 * before the removed steps, on the conditions that led to them.
 */
export function remove(
  document: WorkflowDocument,
  scope: Scope,
  actionIds: ReadonlySet<string>,
  edgeIds: ReadonlySet<string>,
): WorkflowDocument {
  const bridges = bridgesOver(graphAt(document, scope), actionIds, edgeIds);
  const ungrouped = withMembers(document, scope, (id) => (actionIds.has(id) ? undefined : id));
  let result = withGraph(ungrouped, scope, (graph) => removeFrom(graph, actionIds, edgeIds));
  if (result === document) return document;
  for (const { from, to, way } of bridges) result = connect(result, scope, from, to, way);
  for (const id of actionIds) result = withLayoutKey(result, scope, id, undefined);
  return result;
}

interface Bridge {
  readonly from: string;
  readonly to: string;
  readonly way: Way;
}

/** The edges that lead around removed steps to those that only these have led to. */
function bridgesOver(graph: Graph, actionIds: ReadonlySet<string>, edgeIds: ReadonlySet<string>): readonly Bridge[] {
  const edges = graph.edges.filter((edge) => !edgeIds.has(edge.id));
  const into = groupBy(edges, (edge) => edge.to);
  return graph.actions
    .filter(({ id }) => !actionIds.has(id))
    .flatMap(({ id }) => {
      const leading = into.get(id) ?? [];
      if (leading.some((edge) => !actionIds.has(edge.from))) return [];
      return waysAround(leading, into, actionIds).map((edge) => ({ from: edge.from, to: id, way: wayOf(edge) }));
    });
}

function wayOf({ name, conditional }: WorkflowEdge): Way {
  return { ...(typeof name === "string" ? { name } : {}), ...(conditional ? { conditional } : {}) };
}

/** The edges that lead into removed steps, seen from edges that leave them. What asks about their output leads nowhere. */
function waysAround(
  leaving: readonly WorkflowEdge[],
  into: ReadonlyMap<string, readonly WorkflowEdge[]>,
  removed: ReadonlySet<string>,
): readonly WorkflowEdge[] {
  const found: WorkflowEdge[] = [];
  const seen = new Set<string>();
  const waiting = [...leaving];
  for (let edge = waiting.pop(); edge !== undefined; edge = waiting.pop()) {
    if (edge.conditional || seen.has(edge.from)) continue;
    seen.add(edge.from);
    for (const before of into.get(edge.from) ?? []) (removed.has(before.from) ? waiting : found).push(before);
  }
  return found;
}

function removeFrom(graph: Graph, actionIds: ReadonlySet<string>, edgeIds: ReadonlySet<string>): Graph {
  const actions = graph.actions.filter((action) => !actionIds.has(action.id));
  const edges = graph.edges.filter(
    (edge) => !edgeIds.has(edge.id) && !actionIds.has(edge.from) && !actionIds.has(edge.to),
  );
  const isSame = actions.length === graph.actions.length && edges.length === graph.edges.length;
  return isSame ? graph : { ...graph, actions, edges };
}

/** Changes one action. Its id stays: see `renameAction`. */
export function updateAction(
  document: WorkflowDocument,
  scope: Scope,
  id: string,
  change: (action: WorkflowAction) => WorkflowAction,
): WorkflowDocument {
  return withGraph(document, scope, (graph) => changeAction(graph, id, change));
}

/** Whether runs skip an action. */
export function isDisabled(action: WorkflowAction): boolean {
  return action.settings?.disabled === true;
}

/** Has runs skip actions, or not any more. */
export function switchOff(
  document: WorkflowDocument,
  scope: Scope,
  ids: readonly string[],
  isOff: boolean,
): WorkflowDocument {
  const change = (action: WorkflowAction): WorkflowAction => {
    const { disabled: _, ...others } = action.settings ?? {};
    const settings = isOff ? { ...others, disabled: true } : others;
    return withOptional(action, "settings", Object.keys(settings).length === 0 ? undefined : settings);
  };
  return ids.reduce((result, id) => updateAction(result, scope, id, change), document);
}

export function changeEdge(
  document: WorkflowDocument,
  scope: Scope,
  edgeId: string,
  change: (edge: WorkflowEdge) => WorkflowEdge,
): WorkflowDocument {
  return withGraph(document, scope, (graph) => {
    const index = graph.edges.findIndex((edge) => edge.id === edgeId);
    const edge = graph.edges[index];
    if (edge === undefined) return graph;
    const changed = change(edge);
    return changed === edge ? graph : { ...graph, edges: graph.edges.with(index, changed) };
  });
}

/** Why a step may not get an id; `undefined` if it may. */
export function idRefusal(document: WorkflowDocument, id: string): string | undefined {
  if (id === "") return t("An id is needed.");
  if (id.length > 200) return t("An id has at most 200 characters.");
  // oxlint-disable-next-line no-control-regex -- control characters are what must not be in it
  if (/[/[\]\u0000-\u001f\u007f]/.test(id)) return t("An id has no /, [, ] or control characters.");
  if (allIds(document).has(id) || id === "$blank") return t("This id is taken.");
  return undefined;
}

/** Gives a step another id. Edges and references, also inside of loops, follow. */
export function renameAction(document: WorkflowDocument, scope: Scope, id: string, newId: string): WorkflowDocument {
  if (findAction(document, scope, id) === undefined || idRefusal(document, newId) !== undefined) return document;
  const names = new Map([[id, newId]]);
  const grouped = withMembers(document, scope, (member) => (member === id ? newId : member));
  const renamed = withGraph(grouped, scope, (graph) => ({
    ...graph,
    actions: graph.actions.map((action) => {
      const followed = renameInEntry(action, names);
      return action.id === id ? { ...followed, id: newId } : followed;
    }),
    edges: graph.edges.map((edge) => {
      const followed = renameInEntry(edge, names);
      if (edge.from !== id && edge.to !== id) return followed;
      return { ...followed, from: edge.from === id ? newId : edge.from, to: edge.to === id ? newId : edge.to };
    }),
  }));
  return withLayoutKey(renamed, scope, id, newId);
}
