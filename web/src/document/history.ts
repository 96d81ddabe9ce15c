/**
 * Undo and redo. Documents are never changed, so a step back is the very document from before: nothing has to be
 * computed backwards, and nothing can differ. What stayed the same is shared between the steps.
 */

import type { WorkflowDocument } from "./types";

/** Older steps than these are forgotten. */
const MOST_STEPS = 500;

interface Step {
  readonly document: WorkflowDocument;
  /** What was done, for people: "Undo: move 3 steps". */
  readonly label: string;
  readonly mergeKey: string | undefined;
}

export interface History {
  readonly present: WorkflowDocument;
  /** Newest last. Each holds the document from before its edit. */
  readonly past: readonly Step[];
  /** Next one last. Each holds the document from after its edit. */
  readonly future: readonly Step[];
}

export function startHistory(document: WorkflowDocument): History {
  return { present: document, past: [], future: [] };
}

/** After an edit. Edits that follow each other with the same merge key, such as typing in one field, are one step. */
export function record(history: History, next: WorkflowDocument, label: string, mergeKey?: string): History {
  if (next === history.present) return history;
  const last = history.past.at(-1);
  if (mergeKey !== undefined && last?.mergeKey === mergeKey && history.future.length === 0) {
    return { ...history, present: next };
  }
  const step: Step = { document: history.present, label, mergeKey };
  return { present: next, past: [...history.past.slice(1 - MOST_STEPS), step], future: [] };
}

/** Ends a series of edits that are one step: what follows is a step of its own. */
export function settle(history: History): History {
  const last = history.past.at(-1);
  if (last?.mergeKey === undefined) return history;
  return { ...history, past: [...history.past.slice(0, -1), { ...last, mergeKey: undefined }] };
}

export function undo(history: History): History {
  const last = history.past.at(-1);
  if (last === undefined) return history;
  const step: Step = { document: history.present, label: last.label, mergeKey: undefined };
  return { present: last.document, past: history.past.slice(0, -1), future: [...history.future, step] };
}

export function redo(history: History): History {
  const next = history.future.at(-1);
  if (next === undefined) return history;
  const step: Step = { document: history.present, label: next.label, mergeKey: undefined };
  return { present: next.document, past: [...history.past, step], future: history.future.slice(0, -1) };
}
