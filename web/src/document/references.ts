/** References in texts, `!ref($.state.check.total)`: finding them, following a renamed step, writing new ones. */

import type { Json, JsonObject } from "../base/json";
import { isList, isObject } from "../base/json";
import type { Graph, WorkflowAction, WorkflowEdge } from "./types";

const OPENING = "!ref(";
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const STATE = /^\$(?:\.state|\['state'\]|\["state"\])/;
/** A member that follows: .name, ['name'] or ["name"]. */
const MEMBER = /^(?:\.([^.[\]()'"\s]+)|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\])/;

/** A reference in a text: `text.slice(start, end)` is all of it, `path` what stands between the parentheses. */
export interface FoundReference {
  readonly start: number;
  readonly end: number;
  readonly path: string;
}

/** The references of a text, in order. Parentheses and quotes inside of paths are understood. */
export function findReferences(text: string): readonly FoundReference[] {
  const found: FoundReference[] = [];
  for (let start = text.indexOf(OPENING); start !== -1; start = text.indexOf(OPENING, start + 1)) {
    const close = closingParenthesis(text, start + OPENING.length);
    if (close === -1) continue;
    found.push({ start, end: close + 1, path: text.slice(start + OPENING.length, close) });
    start = close;
  }
  return found;
}

function closingParenthesis(text: string, from: number): number {
  let depth = 0;
  let quote = "";
  for (let index = from; index < text.length; index += 1) {
    const letter = text[index] ?? "";
    if (quote !== "") {
      if (letter === "\\") index += 1;
      else if (letter === quote) quote = "";
    } else if (letter === "'" || letter === '"') quote = letter;
    else if (letter === "(") depth += 1;
    else if (letter === ")" && depth === 0) return index;
    else if (letter === ")") depth -= 1;
  }
  return -1;
}

/** Whether a value is one reference and nothing else, which keeps the type of what it leads to. */
export function isReference(value: Json | undefined): boolean {
  if (typeof value !== "string") return false;
  const [first] = findReferences(value);
  return first !== undefined && first.start === 0 && first.end === value.length;
}

/** Whether a value has a reference in it, at any depth. */
export function hasReference(value: Json | undefined): boolean {
  if (typeof value === "string") return value.includes(OPENING);
  if (isList(value)) return value.some(hasReference);
  return isObject(value) && Object.values(value).some(hasReference);
}

/** A reference to a place: `["state", "if-a", 0]` is `!ref($.state['if-a'][0])`. */
export function writeReference(path: readonly (string | number)[]): string {
  return `${OPENING}${writePath(path)})`;
}

export function writePath(path: readonly (string | number)[]): string {
  return `$${path.map(writeMember).join("")}`;
}

function writeMember(key: string | number): string {
  if (typeof key === "number") return `[${key}]`;
  if (PLAIN_NAME.test(key)) return `.${key}`;
  return `['${key.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}']`;
}

/** The step whose output a path reads; `undefined` if it reads something else. */
export function stepOfPath(path: string): string | undefined {
  return stateMember(path)?.name;
}

function stateMember(path: string): { name: string; start: number; end: number } | undefined {
  const start = STATE.exec(path)?.[0].length;
  if (start === undefined) return undefined;
  const member = MEMBER.exec(path.slice(start));
  if (member === null) return undefined;
  const name = member[1] ?? (member[2] ?? member[3] ?? "").replaceAll(/\\(.)/g, "$1");
  return { name, start, end: start + member[0].length };
}

/** The text with its references to steps following a renaming. */
function renameInText(text: string, names: ReadonlyMap<string, string>): string {
  let result = "";
  let done = 0;
  for (const { start, end, path } of findReferences(text)) {
    const member = stateMember(path);
    const newName = member === undefined ? undefined : names.get(member.name);
    if (member === undefined || newName === undefined) continue;
    const renamed = path.slice(0, member.start) + writeMember(newName) + path.slice(member.end);
    result += `${text.slice(done, start)}${OPENING}${renamed})`;
    done = end;
  }
  return result + text.slice(done);
}

/** A value with the references in its texts following a renaming; itself, if there are none. */
export function renameReferences<T extends Json | undefined>(value: T, names: ReadonlyMap<string, string>): T {
  return renameIn(value, names) as T;
}

function renameIn(value: Json | undefined, names: ReadonlyMap<string, string>): Json | undefined {
  if (typeof value === "string") return value.includes(OPENING) ? renameInText(value, names) : value;
  if (isList(value)) {
    const changed = value.map((item) => renameReferences(item, names));
    return changed.some((item, index) => item !== value[index]) ? changed : value;
  }
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, renameReferences(item, names)] as const);
  return entries.some(([key, item]) => item !== value[key]) ? Object.fromEntries(entries) : value;
}

/** An action or an edge with its references following a renaming. */
export function renameInEntry<T extends WorkflowAction | WorkflowEdge>(
  entry: T,
  names: ReadonlyMap<string, string>,
): T {
  return renameReferences(entry as unknown as JsonObject, names) as unknown as T;
}

/** A mention of a step's output somewhere else: what would break without the step. */
export interface Mention {
  readonly kind: "action" | "edge";
  readonly id: string;
}

/** The actions and edges that read the output of a step. */
export function mentionsOf(graph: Graph, stepId: string): readonly Mention[] {
  const actions = graph.actions.filter((action) => action.id !== stepId && mentions(toValue(action), stepId));
  const edges = graph.edges.filter((edge) => mentions(edge.conditional?.ref, stepId));
  return [
    ...actions.map((action): Mention => ({ kind: "action", id: action.id })),
    ...edges.map((edge): Mention => ({ kind: "edge", id: edge.id })),
  ];
}

function toValue(action: WorkflowAction): Json {
  return action as unknown as JsonObject;
}

function mentions(value: Json | undefined, stepId: string): boolean {
  if (typeof value === "string") return findReferences(value).some(({ path }) => stepOfPath(path) === stepId);
  if (isList(value)) return value.some((item) => mentions(item, stepId));
  return isObject(value) && Object.values(value).some((item) => mentions(item, stepId));
}
