/** What differs between two documents: steps, edges, and fields inside of them. */

import type { Json, JsonObject } from "../base/json";
import { isEqual, isObject, toPointer } from "../base/json";
import type { WorkflowDocument } from "./types";
import { t } from "../locale/locale";

export type Change = "added" | "removed" | "changed";

/** A value that is another one now. `undefined` means that it is not there. */
export interface FieldDifference {
  readonly pointer: string;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

export interface EntryDifference {
  readonly id: string;
  readonly label: string;
  readonly change: Change;
  readonly fields: readonly FieldDifference[];
}

export interface DocumentDifference {
  readonly actions: readonly EntryDifference[];
  readonly edges: readonly EntryDifference[];
  /** Name, description, triggers and settings of the workflow itself. */
  readonly fields: readonly FieldDifference[];
}

interface Entry {
  readonly id: string;
  readonly value: JsonObject;
  readonly label: string;
}

/** Compares two documents. Where the editor keeps things for itself (metadata) makes no difference. */
export function compare(before: WorkflowDocument, after: WorkflowDocument): DocumentDifference {
  return {
    actions: compareEntries(before.actions.map(actionEntry), after.actions.map(actionEntry)),
    edges: compareEntries(edgeEntries(before), edgeEntries(after)),
    fields: compareValues(ownFields(before), ownFields(after), []),
  };
}

export function isSame(difference: DocumentDifference): boolean {
  return difference.actions.length + difference.edges.length + difference.fields.length === 0;
}

function actionEntry(action: WorkflowDocument["actions"][number]): Entry {
  return { id: action.id, value: action as unknown as JsonObject, label: action.name ?? action.id };
}

/** Edges by what they connect and when, since versions made elsewhere name them otherwise or not at all. */
function edgeEntries(document: WorkflowDocument): Entry[] {
  const counts = new Map<string, number>();
  const names = new Map(document.actions.map((action) => [action.id, action.name ?? action.id]));
  return document.edges.map((edge) => {
    const ends = `${edge.from}→${edge.to}`;
    const number = counts.get(ends) ?? 0;
    counts.set(ends, number + 1);
    const { id: _, ...value } = edge;
    const label = `${names.get(edge.from) ?? t("Trigger")} → ${names.get(edge.to) ?? edge.to}`;
    return { id: `${ends}#${number}`, value: value as unknown as JsonObject, label };
  });
}

function ownFields(document: WorkflowDocument): JsonObject {
  const { actions: _actions, edges: _edges, metadata: _metadata, ...fields } = document;
  return fields as unknown as JsonObject;
}

function compareEntries(before: readonly Entry[], after: readonly Entry[]): EntryDifference[] {
  const old = new Map(before.map((entry) => [entry.id, entry]));
  const now = new Set(after.map((entry) => entry.id));
  const differences = after.flatMap((entry): EntryDifference[] => {
    const was = old.get(entry.id);
    if (was === undefined) return [{ id: entry.id, label: entry.label, change: "added", fields: [] }];
    const fields = compareValues(was.value, entry.value, []);
    return fields.length === 0 ? [] : [{ id: entry.id, label: entry.label, change: "changed", fields }];
  });
  const removed = before.filter((entry) => !now.has(entry.id));
  return [
    ...differences,
    ...removed.map(({ id, label }): EntryDifference => ({ id, label, change: "removed", fields: [] })),
  ];
}

function compareValues(before: Json | undefined, after: Json | undefined, path: readonly string[]): FieldDifference[] {
  if (isEqual(before, after)) return [];
  if (isObject(before) && isObject(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => compareValues(before[key], after[key], [...path, key]));
  }
  return [{ pointer: toPointer(path), before, after }];
}
