/** Arranging graphs, and whatever of a document has no place yet. */

import { positionOf } from "../document/scope";
import type { ConditionType, Graph, Position, Scope, WorkflowDocument, WorkflowEdge } from "../document/types";
import { arrange } from "./arrange";
import { nodeIds } from "./geometry";
import type { Link } from "./layers";

/** Places for all nodes of a graph, by id. */
export function arrangeGraph(graph: Graph): ReadonlyMap<string, Position> {
  return arrange(
    nodeIds(graph),
    inOrder(graph.edges).map(({ from, to, conditional }): Link => [from, to, isWay(conditional)]),
  );
}

/** The order of edges from left to right, by what they ask. */
const SIDES: Readonly<Record<ConditionType | "always", number>> = { if: 0, match: 1, always: 2, else: 3, error: 4 };

function inOrder(edges: Graph["edges"]): Graph["edges"] {
  return edges.toSorted(
    (left, right) => SIDES[left.conditional?.type ?? "always"] - SIDES[right.conditional?.type ?? "always"],
  );
}

/** A place for a node of a graph that has none stored. */
export interface GivenPlace {
  readonly scope: Scope;
  readonly places: ReadonlyMap<string, Position>;
}

/** Places for the nodes that have none, of the workflow and its loops; nothing, if all have one. */
export function missingPlaces(document: WorkflowDocument): readonly GivenPlace[] {
  return graphsOf(document, []).flatMap(({ scope, graph }): GivenPlace[] => {
    const missing = nodeIds(graph).filter((id) => positionOf(document, scope, id) === undefined);
    if (missing.length === 0) return [];
    const places = arrangeGraph(graph);
    const isNew = missing.length > graph.actions.length / 2;
    const kept = isNew ? nodeIds(graph) : missing;
    return [{ scope, places: new Map(kept.flatMap((id) => entry(id, places.get(id)))) }];
  });
}

function entry(id: string, place: Position | undefined): [string, Position][] {
  return place === undefined ? [] : [[id, place]];
}

function graphsOf(graph: Graph, scope: Scope): { scope: Scope; graph: Graph }[] {
  const inner = graph.actions.flatMap((action) =>
    action.body === undefined ? [] : graphsOf(action.body, [...scope, action.id]),
  );
  return [{ scope, graph }, ...inner];
}

/** Edges without a condition may stand in any order. */
function isWay(conditional: WorkflowEdge["conditional"]): boolean {
  return conditional !== undefined && conditional !== null;
}
