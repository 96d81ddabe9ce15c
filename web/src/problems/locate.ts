/** From the pointer of a problem to what the editor can show: a step and its field, an edge, or the workflow. */

import { groupBy } from "../base/lists";
import type { Problem } from "../api/schema";
import { fromPointer, toPointer } from "../base/json";
import type { Graph, Scope, WorkflowDocument } from "../document/types";

export type Target =
  | { readonly kind: "action"; readonly scope: Scope; readonly id: string; readonly field: string }
  | { readonly kind: "edge"; readonly scope: Scope; readonly id: string; readonly field: string }
  | { readonly kind: "workflow"; readonly field: string };

/** What a pointer into a document leads to. `field` is the rest of it, inside of the step or edge. */
export function locate(document: WorkflowDocument, pointer: string): Target {
  return locateIn(document, fromPointer(pointer), []) ?? { kind: "workflow", field: pointer };
}

function locateIn(graph: Graph, keys: readonly string[], scope: Scope): Target | undefined {
  const [list, index, ...rest] = keys;
  const field = toPointer(rest);
  if (list === "edges") {
    const edge = graph.edges[Number(index)];
    return edge === undefined ? undefined : { kind: "edge", scope, id: edge.id, field };
  }
  if (list !== "actions") return undefined;
  const action = graph.actions[Number(index)];
  if (action === undefined) return undefined;
  if (rest[0] === "body" && action.body !== undefined) {
    const inner = locateIn(action.body, rest.slice(1), [...scope, action.id]);
    if (inner !== undefined) return inner;
  }
  return { kind: "action", scope, id: action.id, field };
}

/** The problems of a document, sorted by what they are about. */
export interface ProblemIndex {
  readonly all: readonly LocatedProblem[];
  /** By `targetKey`. */
  readonly byTarget: ReadonlyMap<string, readonly LocatedProblem[]>;
  readonly errorCount: number;
}

export interface LocatedProblem {
  readonly problem: Problem;
  readonly target: Target;
}

export const NO_PROBLEMS: ProblemIndex = { all: [], byTarget: new Map(), errorCount: 0 };

export function indexProblems(document: WorkflowDocument, problems: readonly Problem[]): ProblemIndex {
  const all = problems.map((problem) => ({ problem, target: locate(document, problem.pointer) }));
  const byTarget = groupBy(all, ({ target }) => keyOf(target));
  return { all, byTarget, errorCount: problems.filter(({ severity }) => severity === "error").length };
}

function keyOf(target: Target): string {
  return target.kind === "workflow" ? "workflow" : targetKey(target.kind, target.scope, target.id);
}

export function targetKey(kind: "action" | "edge", scope: Scope, id: string): string {
  return `${kind}:${[...scope, id].join("/")}`;
}
