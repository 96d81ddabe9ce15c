/** Ids for new actions and edges: readable, and never one that was used before, also if its owner is gone. */

import { allIds, uiValue, withUiValue } from "./scope";
import type { Graph, WorkflowDocument } from "./types";

export interface Allocated {
  readonly document: WorkflowDocument;
  readonly id: string;
}

/** A new id that begins with `base`. The document that comes with it remembers that the id was given out. */
export function allocateId(document: WorkflowDocument, base: string): Allocated {
  const clean =
    base
      .replace(/^builtin:/, "")
      .replaceAll(/[^A-Za-z0-9_-]+/g, "_")
      .replaceAll(/^_+|_+$/g, "") || "step";
  const taken = allIds(document);
  for (const edge of allEdges(document)) taken.add(edge);
  const last = uiValue(document, "counters", clean);
  let number = typeof last === "number" ? last : 0;
  let id: string;
  do {
    number += 1;
    id = number === 1 ? clean : `${clean}_${number}`;
  } while (taken.has(id));
  return { document: withUiValue(document, ["counters", clean], number), id };
}

function allEdges(graph: Graph): string[] {
  return [
    ...graph.edges.map((edge) => edge.id),
    ...graph.actions.flatMap((action) => (action.body === undefined ? [] : allEdges(action.body))),
  ];
}
