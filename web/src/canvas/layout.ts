/** Arranging graphs without holding the page up. */

import { tree } from "../base/place";
import { positionOf } from "../document/scope";
import type { ConditionType, Graph, Position, Scope, WorkflowDocument } from "../document/types";
import type { Arrangement } from "./arrange";
import { nodeIds } from "./geometry";

type Places = readonly (readonly [string, Position])[];

/** Places for all nodes of a graph, by id. */
export async function arrangeGraph(graph: Graph): Promise<ReadonlyMap<string, Position>> {
  const wanted: Arrangement = {
    ids: nodeIds(graph),
    edges: inOrder(graph.edges).map(({ from, to }): [string, string] => [from, to]),
  };
  return new Map(isAtHome() ? await arrangeAside(wanted) : (await import("./arrange")).arrange(wanted));
}

/** Browsers start workers from the page's own origin only, and a host's policy may forbid even that. */
function isAtHome(): boolean {
  return tree() instanceof Document;
}

function arrangeAside(wanted: Arrangement): Promise<Places> {
  const worker = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
  return new Promise<Places>((resolve, reject) => {
    worker.addEventListener("message", (event: MessageEvent<Places>) => resolve(event.data));
    worker.addEventListener("error", (event) => reject(new Error(event.message)));
    worker.postMessage(wanted);
  }).finally(() => worker.terminate());
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
export async function missingPlaces(document: WorkflowDocument): Promise<readonly GivenPlace[]> {
  const given = await Promise.all(
    graphsOf(document, []).map(async ({ scope, graph }): Promise<GivenPlace[]> => {
      const missing = nodeIds(graph).filter((id) => positionOf(document, scope, id) === undefined);
      if (missing.length === 0) return [];
      const places = await arrangeGraph(graph);
      const isNew = missing.length > graph.actions.length / 2;
      const kept = isNew ? nodeIds(graph) : missing;
      return [{ scope, places: new Map(kept.flatMap((id) => entry(id, places.get(id)))) }];
    }),
  );
  return given.flat();
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
