import type { RunDetail } from "../api/schema";
import { stepName } from "../document/names";
import type { RunGraph } from "./graph";

/** The run with its steps called as on the graph, where the name of the action stands for one that was not given. */
export function withStepNames(run: RunDetail, graph: Pick<RunGraph, "graph" | "store"> | undefined): RunDetail {
  if (graph === undefined) return run;
  const { names } = graph.store.getState().catalogue;
  const actions = new Map(graph.graph.actions.map((action) => [action.id, action]));
  const steps = run.steps.map((step) => {
    const action = actions.get(step.id);
    return action === undefined ? step : { ...step, name: stepName(action, names) };
  });
  return { ...run, steps };
}
