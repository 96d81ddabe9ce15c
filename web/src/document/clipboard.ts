/** Copies of steps as text, so that they can be pasted into other workflows, tabs and messages. */

import type { Json } from "../base/json";
import { isList, isObject } from "../base/json";
import type { Group } from "./groups";
import { addGroup, groupsOf, membersOf } from "./groups";
import { allocateId } from "./ids";
import { openDocument } from "./read";
import { renameInEntry } from "./references";
import { graphAt, positionOf, withGraph, withPositions } from "./scope";
import type { Graph, Position, Scope, WorkflowDocument } from "./types";

const MARK = "workflowkit/steps";

/** The text for the clipboard: the steps, the edges between them, and where they stand. */
export function copyText(document: WorkflowDocument, scope: Scope, ids: ReadonlySet<string>): string {
  const graph = graphAt(document, scope);
  const actions = graph.actions.filter((action) => ids.has(action.id));
  const edges = graph.edges.filter((edge) => ids.has(edge.from) && ids.has(edge.to));
  const positions = Object.fromEntries(
    actions.map((action) => [action.id, positionOf(document, scope, action.id) ?? null]),
  );
  const groups = [...groupsOf(document, scope).values()].flatMap(({ name, members }) => {
    const copied = members.filter((id) => ids.has(id));
    return copied.length === 0 ? [] : [{ name, members: copied }];
  });
  return JSON.stringify({ type: MARK, actions, edges, positions, ...(groups.length === 0 ? {} : { groups }) }, null, 2);
}

export interface Copied extends Graph {
  readonly positions: ReadonlyMap<string, Position>;
  readonly groups: readonly Group[];
}

/** What a text from the clipboard holds; `undefined` if it is something else. A whole workflow will do, too. */
export function readCopied(text: string): Copied | undefined {
  try {
    const value = JSON.parse(text) as Json;
    if (!isObject(value) || (value.type !== MARK && !Array.isArray(value.actions))) return undefined;
    const { actions, edges } = openDocument(value);
    const ids = new Set(actions.map((action) => action.id));
    const inner = edges.filter((edge) => ids.has(edge.from) && ids.has(edge.to));
    if (actions.length === 0) return undefined;
    return { actions, edges: inner, positions: readPositions(value.positions), groups: readGroups(value.groups) };
  } catch {
    return undefined;
  }
}

function readPositions(value: Json | undefined): ReadonlyMap<string, Position> {
  const entries = Object.entries(isObject(value) ? value : {}).flatMap(([id, position]): [string, Position][] =>
    isObject(position) && typeof position.x === "number" && typeof position.y === "number"
      ? [[id, { x: position.x, y: position.y }]]
      : [],
  );
  return new Map(entries);
}

function readGroups(value: Json | undefined): readonly Group[] {
  return (isList(value) ? value : []).flatMap((group): Group[] =>
    isObject(group) ? [{ name: String(group.name ?? ""), members: membersOf(group) }] : [],
  );
}

export interface Pasted {
  readonly document: WorkflowDocument;
  readonly ids: readonly string[];
}

/**
 * Pastes copied steps under new ids. References from one copy to another lead to the copies, all others stay. The
 * first step is put at `at`, or beside where it was copied.
 */
export function paste(document: WorkflowDocument, scope: Scope, copied: Copied, at?: Position): Pasted {
  const names = new Map<string, string>();
  let result = document;
  const newId = (old: string): string => {
    const allocated = allocateId(result, old.replace(/_\d+$/, ""));
    result = allocated.document;
    return allocated.id;
  };
  // One after the other: what is not in the document yet must still not be given out twice.
  for (const action of copied.actions) names.set(action.id, newId(action.id));
  const edges = copied.edges.map((edge) => ({
    ...renameInEntry(edge, names),
    id: newId("edge"),
    from: names.get(edge.from) ?? edge.from,
    to: names.get(edge.to) ?? edge.to,
  }));
  const actions = copied.actions.map((action) => ({
    ...renameInEntry(action, names),
    id: names.get(action.id) ?? action.id,
  }));
  result = withGraph(result, scope, (graph) => ({
    ...graph,
    actions: [...graph.actions, ...actions],
    edges: [...graph.edges, ...edges],
  }));
  for (const { name, members } of copied.groups)
    result = addGroup(
      result,
      scope,
      members.flatMap((id) => names.get(id) ?? []),
      name,
    );
  return { document: withPositions(result, scope, pastedPositions(copied, names, at)), ids: [...names.values()] };
}

function pastedPositions(
  copied: Copied,
  names: ReadonlyMap<string, string>,
  at: Position | undefined,
): Map<string, Position> {
  const first = copied.actions
    .map((action) => copied.positions.get(action.id))
    .find((position) => position !== undefined);
  const shift = first === undefined || at === undefined ? { x: 40, y: 40 } : { x: at.x - first.x, y: at.y - first.y };
  const entries = [...names].flatMap(([old, id]): [string, Position][] => {
    const position = copied.positions.get(old);
    return position === undefined ? [] : [[id, { x: position.x + shift.x, y: position.y + shift.y }]];
  });
  return new Map(entries);
}
