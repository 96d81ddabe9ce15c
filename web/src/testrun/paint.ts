/** A test run on the canvas: while it goes on, and what it came to. Pure. */

import type { DryRun } from "../api/schema";
import type { Json } from "../base/json";
import type { Painting, StepPaint } from "../canvas/painting";
import { HELD, edgesOf } from "../canvas/painting";
import type { Graph } from "../document/types";
import { SOURCE } from "../document/types";
import { counted } from "../locale/locale";

/** A dry run on the workflow's own graph. */
export function paintDryRun(result: DryRun, graph: Graph, written: Json): Painting {
  const held = new Set(result.missing.map(({ step }) => step));
  const steps = result.steps.map((step): [string, StepPaint] => [
    step.id,
    {
      status: held.has(step.id) ? HELD : step.status,
      note: step.attempts > 1 ? counted("{count} attempts", step.attempts) : "",
    },
  ]);
  const states = new Map(result.edges.map(({ id, state }) => [id, state]));
  return {
    scope: [],
    steps: new Map([[SOURCE, { status: "completed", note: "" }], ...steps]),
    edges: edgesOf(graph, written, (id) => states.get(id)),
  };
}

/** What a dry run that goes on has told so far, each by id. */
export interface LiveStates {
  readonly steps: ReadonlyMap<string, string>;
  readonly edges: ReadonlyMap<string, string>;
}

/** A dry run that goes on, on the workflow's own graph. */
export function paintLive(states: LiveStates, graph: Graph, written: Json): Painting {
  const steps = [...states.steps].map(([id, status]): [string, StepPaint] => [id, { status, note: "" }]);
  return {
    scope: [],
    steps: new Map([[SOURCE, { status: "completed", note: "" }], ...steps]),
    edges: edgesOf(graph, written, (id) => states.edges.get(id)),
  };
}
