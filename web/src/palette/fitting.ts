/**
 * Which actions would lack something at a place: a required input that nobody would type, and that nothing before that
 * place gives.
 *
 * Single values, lists of them and values under names of one's own are typed. Objects with fields of their own, and
 * lists of such or of anything, come from an event or a step. Of what has no schema and no sample nobody knows what it
 * gives: then nothing is said.
 */

import type { Json } from "../base/json";
import { isList, isObject } from "../base/json";
import type { FieldKind, Schema } from "../config/schema";
import { describe, humanize } from "../config/schema";
import { graphAt } from "../document/scope";
import type { Kind } from "../editor/catalogue";
import type { Variable, VariableSource } from "../expressions/variables";
import { flatten, variablesForEdge } from "../expressions/variables";
import { t } from "../locale/locale";

/** An input that has to come from somewhere. */
export interface Need {
  readonly label: string;
  readonly type: "list" | "object";
  /** Of an object: the fields that it must have, and all that it may have. */
  readonly required: readonly string[];
  readonly properties: readonly string[];
}

/** Kinds of entries for which a list would not be typed. */
const COMPOSED: ReadonlySet<FieldKind> = new Set(["list", "object", "map", "choice", "logic", "any"]);

/** Behind which node a step would come to stand, or on which edge. */
export interface StepPlace {
  readonly from: string | undefined;
  readonly edgeId: string | undefined;
}

/** Why actions do not fit, by their kinds; those that do are not in it. */
export type Lacks = ReadonlyMap<string, string>;

/** What would keep actions from fitting where a step is wanted. A step that follows nothing may become anything. */
export function lacksAt(source: VariableSource, place: StepPlace): Lacks {
  const { document, scope, catalogue } = source;
  const from = place.from ?? graphAt(document, scope).edges.find(({ id }) => id === place.edgeId)?.from;
  const needy = catalogue.kinds.filter(({ action }) => needsOf(action.inputs).length > 0);
  if (from === undefined || needy.length === 0) return new Map();
  const given = flatten(variablesForEdge(source, from).roots).filter(({ path }) => path.join() !== "event");
  return new Map(
    needy.flatMap(({ action }): [string, string][] => {
      const lacking = firstLacking(needsOf(action.inputs), given);
      return lacking === undefined ? [] : [[action.kind, inWords(lacking)]];
    }),
  );
}

const known = new WeakMap<Schema, readonly Need[]>();

/** The inputs of an action that have to come from somewhere. */
export function needsOf(inputs: Schema): readonly Need[] {
  const found = known.get(inputs) ?? readNeeds(inputs);
  known.set(inputs, found);
  return found;
}

function readNeeds(inputs: Schema): readonly Need[] {
  const properties = isObject(inputs.properties) ? inputs.properties : {};
  return texts(inputs.required).flatMap((name) => {
    const need = needOf(properties[name], inputs);
    return need === undefined ? [] : [{ label: describe(properties[name], inputs).title ?? humanize(name), ...need }];
  });
}

function needOf(input: Json | undefined, root: Schema): Omit<Need, "label"> | undefined {
  const { kind, schema, isNullable } = describe(input, root);
  if (schema.default !== undefined || isNullable) return undefined;
  if (kind === "list" && COMPOSED.has(describe(schema.items, root).kind))
    return { type: "list", required: [], properties: [] };
  if (kind !== "object" || !isObject(schema.properties)) return undefined;
  return { type: "object", required: texts(schema.required), properties: Object.keys(schema.properties) };
}

function texts(value: Json | undefined): readonly string[] {
  return isList(value) ? value.filter((each) => typeof each === "string") : [];
}

/** The first need that none of the values can meet. */
export function firstLacking(needs: readonly Need[], given: readonly Variable[]): Need | undefined {
  return given.some(isUnknown) ? undefined : needs.find((need) => !given.some((value) => meets(value, need)));
}

/** Whether there may be anything in a value. */
function isUnknown({ type, children }: Variable): boolean {
  return type === "any" || (type === "object" && children.length === 0);
}

function meets({ type, children }: Variable, need: Need): boolean {
  if (need.type === "list") return type === "array";
  if (type !== "object") return false;
  const keys = new Set(children.map(({ path }) => path.at(-1)));
  const has = (name: string): boolean => keys.has(name);
  return need.required.length > 0 ? need.required.every(has) : need.properties.some(has);
}

function inWords({ type, label }: Need): string {
  return type === "list"
    ? t("Needs a list for “{name}”: no earlier step gives one.", { name: label })
    : t("Needs an object for “{name}”: no earlier step gives one.", { name: label });
}

/** What fits first, each in the order that it has. */
export function fittingFirst(kinds: readonly Kind[], lacks: Lacks): readonly Kind[] {
  const isLacking = ({ action }: Kind): boolean => lacks.has(action.kind);
  return [...kinds.filter((kind) => !isLacking(kind)), ...kinds.filter(isLacking)];
}
