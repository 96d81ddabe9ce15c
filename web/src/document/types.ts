/**
 * A workflow document as the editor works on it. Values are never changed: every edit makes a new document that shares
 * what stayed the same. Keys that the editor does not know are carried along.
 */

import type { Json, JsonObject } from "../base/json";

/** The id under which edges name the trigger. */
export const SOURCE = "$source";

/** The kind of step that has a body. */
export const LOOP_KIND = "builtin:for_each";

export interface Position {
  readonly x: number;
  readonly y: number;
}

export type ConditionType = "if" | "else" | "match" | "error";

export interface Conditional {
  readonly type: ConditionType;
  readonly ref?: string;
  readonly value?: Json;
}

export interface WorkflowAction {
  readonly id: string;
  readonly kind: string;
  readonly name?: string | null;
  readonly description?: string | null;
  readonly inputs?: JsonObject | null;
  readonly settings?: JsonObject | null;
  /** What a loop does for each item. */
  readonly body?: Graph;
}

/** In an open document every edge has an id. */
export interface WorkflowEdge {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly name?: string | null;
  readonly conditional?: Conditional | null;
}

/** Actions and the edges between them: a document, or the body of a loop. */
export interface Graph {
  readonly actions: readonly WorkflowAction[];
  readonly edges: readonly WorkflowEdge[];
}

export interface WorkflowDocument extends Graph {
  readonly name?: string | null;
  readonly description?: string | null;
  readonly metadata?: JsonObject | null;
  readonly trigger?: JsonObject;
  readonly triggers?: readonly JsonObject[];
  readonly settings?: JsonObject | null;
  /** A schema of the event's data. */
  readonly inputs?: Json;
}

/** Which graph of a document is meant: the ids of the loops to enter, outermost first; none for the document's own. */
export type Scope = readonly string[];

/** What an edit does with a document. It returns the same object if nothing changes. */
export type Edit = (document: WorkflowDocument) => WorkflowDocument;
