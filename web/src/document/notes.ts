/** Notes on the canvas: texts for people, which stand beside the steps and do nothing. */

import { allocateId } from "./ids";
import { layoutKey, uiEntries, withUiValue } from "./scope";
import type { Position, Scope, WorkflowDocument } from "./types";

export interface Note extends Position {
  readonly text: string;
}

/** The notes of a graph, by id. */
export function notesOf(document: WorkflowDocument, scope: Scope): ReadonlyMap<string, Note> {
  return new Map(
    uiEntries(document, scope, "notes").flatMap(([id, { x, y, text }]): [string, Note][] =>
      typeof x === "number" && typeof y === "number" ? [[id, { x, y, text: String(text ?? "") }]] : [],
    ),
  );
}

export function addNote(document: WorkflowDocument, scope: Scope, { x, y }: Position): WorkflowDocument {
  const { document: counted, id } = allocateId(document, "note");
  return withUiValue(counted, ["notes", layoutKey(scope, id)], { x, y, text: "" });
}

/** Changes a note; to `undefined`, it is taken away. */
export function changeNote(
  document: WorkflowDocument,
  scope: Scope,
  id: string,
  change: (note: Note) => Note | undefined,
): WorkflowDocument {
  const note = notesOf(document, scope).get(id);
  if (note === undefined) return document;
  const changed = change(note);
  if (changed === note) return document;
  const value = changed === undefined ? undefined : { x: changed.x, y: changed.y, text: changed.text };
  return withUiValue(document, ["notes", layoutKey(scope, id)], value);
}
