/** Questions about the shape of a graph. */

import type { Graph, WorkflowEdge } from "./types";
import { SOURCE } from "./types";
import { t } from "../locale/locale";

/** Every node from which a path leads to one, nearest first; without the trigger. */
export function ancestorsOf(graph: Graph, id: string): readonly string[] {
  return reach(
    graph.edges,
    id,
    (edge) => edge.to,
    (edge) => edge.from,
  ).filter((found) => found !== SOURCE);
}

/** Every node to which a path leads from one, nearest first. */
export function descendantsOf(graph: Graph, id: string): readonly string[] {
  return reach(
    graph.edges,
    id,
    (edge) => edge.from,
    (edge) => edge.to,
  );
}

function reach(
  edges: readonly WorkflowEdge[],
  start: string,
  near: (edge: WorkflowEdge) => string,
  far: (edge: WorkflowEdge) => string,
): readonly string[] {
  const next = new Map<string, string[]>();
  for (const edge of edges) {
    const list = next.get(near(edge));
    if (list === undefined) next.set(near(edge), [far(edge)]);
    else list.push(far(edge));
  }
  const found = new Set<string>();
  const waiting = [start];
  for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
    for (const other of next.get(id) ?? []) {
      if (other === start || found.has(other)) continue;
      found.add(other);
      waiting.push(other);
    }
  }
  return [...found];
}

/** Why an edge may not be drawn; `undefined` if it may. */
export function refusal(graph: Graph, from: string, to: string): string | undefined {
  if (to === SOURCE) return t("Nothing can lead back to the trigger.");
  if (from === to) return t("A step cannot lead to itself.");
  const ids = new Set(graph.actions.map((action) => action.id));
  if (!ids.has(to) || (from !== SOURCE && !ids.has(from))) return t("There is no such step.");
  if (from !== SOURCE && descendantsOf(graph, to).includes(from)) return t("Not allowed: this would close a circle.");
  return undefined;
}
