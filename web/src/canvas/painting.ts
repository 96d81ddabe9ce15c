/** How a run went, for the canvas: the state of each step and of each edge. Pure. */

import type { RunDetail, Step } from "../api/schema";
import type { Json } from "../base/json";
import { isList, isObject } from "../base/json";
import type { Graph, Scope } from "../document/types";
import { SOURCE } from "../document/types";
import { duration } from "../shell/times";
import type { Message } from "../locale/locale";
import { counted, t } from "../locale/locale";

export type EdgeState = "taken" | "not_taken" | "dead";

/** What a dry run says of an action that it may not execute. */
export const HELD = "held";

export interface StepPaint {
  /** A status of a step, `retrying`, or `held`. */
  readonly status: string;
  /** A few letters beside it: how long it took, how often it was tried. */
  readonly note: string;
}

export interface Painting {
  /** The graph that was executed. */
  readonly scope: Scope;
  readonly steps: ReadonlyMap<string, StepPaint>;
  readonly edges: ReadonlyMap<string, EdgeState>;
}

export const STATUS_WORDS: Readonly<Record<string, Message>> = {
  scheduled: "Scheduled",
  queued: "Queued",
  ready: "Ready",
  retrying: "Retrying",
  running: "Running",
  sleeping: "Sleeping",
  waiting: "Waiting",
  completed: "Completed",
  failed: "Failed",
  skipped: "Skipped",
  cancelled: "Cancelled",
  held: "Needs a stub",
};

/** The state of a step, or of a run, for people. */
export function statusWord(status: string): string {
  const word = STATUS_WORDS[status];
  return word === undefined ? status : t(word);
}

/** Where a step stands, as people are told: one that is to be tried again is `ready`, too, but for another reason. */
export function shownStatus({ status, attempts }: Pick<Step, "status" | "attempts">): string {
  const outcome = status === "ready" ? attempts.at(-1)?.outcome : undefined;
  return outcome === "retry" || outcome === "lost" ? "retrying" : status;
}

/** A run on its graph. `written` is the graph as it is stored: the server names edges without ids by their places. */
export function paintRun(run: RunDetail, scope: Scope, graph: Graph, written: Json): Painting {
  const steps = run.steps.map((step): [string, StepPaint] => [step.id, paintOf(step)]);
  return {
    scope,
    steps: new Map([[SOURCE, { status: "completed", note: "" }], ...steps]),
    edges: edgesOf(graph, written, (id) => run.edges[id]),
  };
}

/** The name that the server has for each edge of a graph, in the order of the graph. */
export function serverEdgeIds(written: Json): readonly string[] {
  const edges = isObject(written) && isList(written.edges) ? written.edges : [];
  return edges.map((edge, index) => {
    if (!isObject(edge)) return "";
    if (typeof edge.id === "string" && edge.id !== "") return edge.id;
    return `${String(edge.from)}->${String(edge.to)}#${index}`;
  });
}

/** How the edges of a graph were decided, by what the server says of the names that it has for them. */
export function edgesOf(
  graph: Graph,
  written: Json,
  stateOf: (id: string) => Json | undefined,
): ReadonlyMap<string, EdgeState> {
  const names = serverEdgeIds(written);
  return new Map(
    graph.edges.flatMap((edge, index): [string, EdgeState][] => {
      const state = stateOf(names[index] ?? "");
      return state === "taken" || state === "not_taken" || state === "dead" ? [[edge.id, state]] : [];
    }),
  );
}

function paintOf(step: Step): StepPaint {
  const status = shownStatus(step);
  return { status, note: status === "retrying" ? "" : noteOf(step) };
}

function noteOf(step: Step): string {
  const parts: string[] = [];
  if (step.started_at !== null && step.finished_at !== null)
    parts.push(duration(Date.parse(step.finished_at) - Date.parse(step.started_at)));
  const tries = step.attempts.filter(({ outcome }) => outcome !== "suspended").length;
  if (tries > 1) parts.push(counted("{count} attempts", tries));
  return parts.join(" · ");
}
