/** What steps are called wherever people read of them. */

import type { Graph, WorkflowAction } from "./types";

/** By kind, what its action is called. */
export type KindNames = ReadonlyMap<string, string>;

/** The name that somebody has given the step, else that of its action; its id, if nobody knows its kind. */
export function stepName({ id, kind, name }: WorkflowAction, kinds: KindNames): string {
  return name || kinds.get(kind) || id;
}

/** The same for a step of a graph that is named by its id. */
export function nameOfStep(graph: Graph, id: string, kinds: KindNames): string {
  const action = graph.actions.find((each) => each.id === id);
  return action === undefined ? id : stepName(action, kinds);
}
