/** Finding steps of a workflow by what is written in them. */

import type { JsonObject } from "../base/json";
import type { WorkflowAction, WorkflowDocument, Scope } from "./types";

export interface Hit {
  readonly scope: Scope;
  readonly action: WorkflowAction;
}

/** The steps whose name, id, kind or inputs contain a text, also inside of loops. */
export function findSteps(
  document: WorkflowDocument,
  query: string,
  kindNames: ReadonlyMap<string, string>,
): readonly Hit[] {
  const needle = query.trim().toLowerCase();
  return needle === "" ? [] : search(document, [], needle, kindNames);
}

function search(
  graph: Pick<WorkflowDocument, "actions">,
  scope: Scope,
  needle: string,
  kindNames: ReadonlyMap<string, string>,
): Hit[] {
  return graph.actions.flatMap((action) => {
    const { body, ...rest } = action;
    const text = `${JSON.stringify(rest as unknown as JsonObject)} ${kindNames.get(action.kind) ?? ""}`.toLowerCase();
    const inside = body === undefined ? [] : search(body, [...scope, action.id], needle, kindNames);
    return text.includes(needle) ? [{ scope, action }, ...inside] : inside;
  });
}
