/** The data that a workflow expects of its event, as far as its steps and conditions read it. Pure. */

import type { Json, JsonObject } from "../base/json";
import { isList, isObject } from "../base/json";
import { triggersOf } from "../config/triggers";
import type { Schema } from "../config/schema";
import { findReferences, isReference } from "../document/references";
import type { Graph, WorkflowDocument } from "../document/types";
import type { Step } from "../expressions/paths";
import { ALL, readPath } from "../expressions/paths";

/** The schema of the inputs of a kind of action; none where it is not known. */
export type InputsOf = (kind: string) => Json | undefined;

/** In an expression of a trigger. */
const READ = /\bevent\.data((?:\.[A-Za-z_]\w*)+)(?!\w*\()/g;
const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", ">", ">=", "<", "<="]);
/** What is read of lists and texts, and is no field. */
const TEXT = "";

/** An object with every field that is read, each empty and of the type that it is used as. */
export function referredData(document: WorkflowDocument, inputsOf: InputsOf = () => undefined): JsonObject {
  const data: Record<string, Json> = {};
  const note = (value: Json | undefined, like: Json): void => {
    if (typeof value !== "string") return;
    for (const { path } of findReferences(value)) {
      const [event, member, ...steps] = readPath(path) ?? [];
      if (event === "event" && member === "data") put(data, steps, isReference(value) ? like : TEXT);
    }
  };
  const look = (value: Json | undefined, like: Json): void => {
    note(value, like);
    if (isList(value)) for (const entry of value) look(entry, TEXT);
    if (!isObject(value)) return;
    for (const [key, member] of Object.entries(value)) {
      if (COMPARISONS.has(key) && isList(member)) {
        const fixed = member.find((one) => typeof one === "number" || typeof one === "boolean");
        for (const one of member) look(one, emptyLike(fixed));
      } else look(member, TEXT);
    }
  };
  const lookInto = ({ actions, edges }: Graph): void => {
    for (const { kind, inputs, body } of actions) {
      const properties = propertiesOf(inputsOf(kind));
      for (const [name, value] of Object.entries(inputs ?? {})) look(value, emptyOf(properties[name]));
      if (body !== undefined && body !== null) lookInto(body);
    }
    for (const { conditional } of edges) look(conditional?.ref, TEXT);
  };
  for (const trigger of triggersOf(document)) {
    for (const [, path = ""] of String(trigger.if ?? "").matchAll(READ)) put(data, path.slice(1).split("."), TEXT);
  }
  lookInto(document);
  return data;
}

/** Enters a value at a place, unless something that says more is there. */
function put(data: Record<string, Json>, steps: readonly Step[], value: Json): void {
  const [step, ...rest] = steps;
  if (typeof step !== "string") return;
  const there = data[step];
  const [next, ...further] = rest;
  if (next === undefined) {
    if (there === undefined || there === TEXT) data[step] = value;
  } else if (typeof next === "string") {
    const inner: Record<string, Json> = isObject(there) ? { ...there } : {};
    put(inner, rest, value);
    data[step] = inner;
  } else if (next === ALL || next === 0) {
    const [first] = isList(there) ? there : [];
    const inner: Record<string, Json> = { entry: first ?? TEXT };
    put(inner, ["entry", ...further], value);
    data[step] = [inner.entry ?? TEXT];
  }
}

function propertiesOf(schema: Json | undefined): Readonly<Record<string, Json>> {
  return isObject(schema) && isObject(schema.properties) ? schema.properties : {};
}

/** The empty value of what a field of an action takes. */
function emptyOf(schema: Json | undefined): Json {
  const { type }: Schema = isObject(schema) ? schema : {};
  if (type === "number" || type === "integer") return 0;
  if (type === "array") return [];
  if (type === "object") return {};
  return type === "boolean" ? false : TEXT;
}

function emptyLike(value: Json | undefined): Json {
  return typeof value === "number" ? 0 : typeof value === "boolean" ? false : TEXT;
}
