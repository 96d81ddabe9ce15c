/** What a reference may lead to: the event, and the outputs of the steps that come before. */

import type { Json, JsonObject } from "../base/json";
import { isList, isObject } from "../base/json";
import { ancestorsOf } from "../document/graph";
import { stepName } from "../document/names";
import { findReferences, isReference } from "../document/references";
import { graphAt } from "../document/scope";
import type { Graph, Scope, WorkflowAction, WorkflowDocument } from "../document/types";
import type { Catalogue } from "../editor/catalogue";
import type { Schema } from "../config/schema";
import { describe, typeOf } from "../config/schema";
import { t } from "../locale/locale";
import type { EventSchemas } from "./eventData";
import { dataSchemas } from "./eventData";
import { outputSchema } from "./outputs";
import { ALL, readPath } from "./paths";

/** A place that a reference can name, and what is below it. */
export interface Variable {
  readonly key: string;
  /** The way to it behind "$": ["state", "check", "total"]. */
  readonly path: readonly (string | number)[];
  readonly label: string;
  readonly type: string;
  /** What stood there in the last run, or in a sample. */
  readonly sample: Json | undefined;
  readonly children: readonly Variable[];
  /** What a schema says further of it: its format, and which values it may have. */
  readonly format?: string;
  readonly values?: readonly Json[];
}

/** Values from an earlier run, for previews. */
export interface Samples {
  readonly event: Json | undefined;
  readonly outputs: ReadonlyMap<string, Json>;
}

export const NO_SAMPLES: Samples = { event: undefined, outputs: new Map() };

export interface Variables {
  readonly roots: readonly Variable[];
  /** What "$" is in previews. */
  readonly values: JsonObject;
  /** What they were told from, and the step whose output is `$.output`. */
  readonly source?: VariableSource;
  readonly output?: string | undefined;
}

const DEEPEST = 6;
const MOST_CHILDREN = 50;

export interface VariableSource {
  readonly document: WorkflowDocument;
  readonly scope: Scope;
  readonly catalogue: Catalogue;
  readonly samples: Samples;
  /** What the application says of its events. */
  readonly events: EventSchemas;
}

/** What the inputs of a step may refer to. Only what comes before it on some path. */
export function variablesFor(source: VariableSource, actionId: string): Variables {
  return collect(source, stepsBefore(source, actionId), undefined);
}

/** What the condition of an edge may refer to: also `$.output`, the output of the edge's source. */
export function variablesForEdge(source: VariableSource, from: string): Variables {
  const output = graphAt(source.document, source.scope).actions.find(({ id }) => id === from);
  return collect(source, stepsBefore(source, from), output);
}

function stepsBefore({ document, scope }: VariableSource, id: string): readonly WorkflowAction[] {
  const found = new Map<string, WorkflowAction>();
  const add = (graph: Graph, here: string): void => {
    const actions = new Map(graph.actions.map((action) => [action.id, action]));
    for (const ancestor of ancestorsOf(graph, here)) {
      const action = actions.get(ancestor);
      if (action !== undefined) found.set(ancestor, action);
    }
  };
  add(graphAt(document, scope), id);
  // Inside of a loop everything before the loop is there, too.
  scope.forEach((loop, depth) => add(graphAt(document, scope.slice(0, depth)), loop));
  return [...found.values()];
}

function collect(
  source: VariableSource,
  steps: readonly WorkflowAction[],
  output: WorkflowAction | undefined,
): Variables {
  const { document, scope, samples, catalogue, events } = source;
  const roots: Variable[] = [];
  if (output !== undefined) {
    const sample = samples.outputs.get(output.id);
    roots.push(
      variable(
        ["output"],
        t("Output of {name}", { name: stepName(output, catalogue.names) }),
        outputSchema(catalogue, output),
        sample,
      ),
    );
  }
  const item = itemOf(source);
  if (scope.length > 0) {
    roots.push(
      item ?? leaf(["item"], t("This item"), "any"),
      leaf(["index"], t("Its place, from 0"), "integer"),
      leaf(["key"], t("Its key"), "string"),
    );
  }
  roots.push(eventVariable(document, events, samples.event));
  if (isObject(document.settings?.batch)) roots.push(leaf(["events"], t("Events"), "array"));
  for (const step of steps) {
    roots.push(
      variable(
        ["state", step.id],
        stepName(step, catalogue.names),
        outputSchema(catalogue, step),
        samples.outputs.get(step.id),
      ),
    );
  }
  const outputSample = output === undefined ? undefined : samples.outputs.get(output.id);
  const state = Object.fromEntries(steps.flatMap(({ id }) => entry(id, samples.outputs.get(id))));
  const values = Object.fromEntries([
    ...entry("event", samples.event),
    ...entry("item", item?.sample),
    ["state", state],
    ...entry("output", outputSample),
  ]) as JsonObject;
  return { roots, values, source, output: output?.id };
}

/** An item of the loop whose body is shown, as far as it is known of what the loop goes through. */
function itemOf(source: VariableSource): Variable | undefined {
  const { document, scope } = source;
  const outer = scope.slice(0, -1);
  const loop = graphAt(document, outer).actions.find(({ id }) => id === scope.at(-1));
  const items = isObject(loop?.inputs) ? loop.inputs.items : undefined;
  if (loop === undefined || items === undefined) return undefined;
  if (isList(items)) return variable(["item"], t("This item"), undefined, items[0]);
  const steps = typeof items === "string" && isReference(items) ? readPath(findReferences(items)[0]?.path ?? "") : [];
  if (steps === undefined || steps.length === 0) return undefined;
  // What several places have been put together from is a list already.
  const path = [...steps, ...(steps.includes(ALL) ? [] : [0])].map((step) => (step === ALL ? 0 : step)).join("/");
  const { roots } = variablesFor({ ...source, scope: outer }, loop.id);
  const found = flatten(roots).find(({ key }) => key === path);
  return found === undefined ? undefined : moved(found, found.path.length, t("This item"));
}

/** The same place and what is below it, as it is seen as the item of a loop. */
function moved({ path, children, ...place }: Variable, depth: number, label: string): Variable {
  const here = ["item", ...path.slice(depth)];
  const below = children.map((child) => moved(child, depth, child.label));
  return { ...place, key: here.join("/"), path: here, label, children: below };
}

function entry(key: string, value: Json | undefined): [string, Json][] {
  return value === undefined ? [] : [[key, value]];
}

/** The event, with what is known of the data of those that may start a workflow. */
export function eventVariable(document: WorkflowDocument, events: EventSchemas, sample: Json | undefined): Variable {
  const event = variable(["event"], t("Event"), EVENT, sample);
  const data = dataVariable(dataSchemas(document, events), isObject(sample) ? sample.data : undefined);
  return { ...event, children: event.children.map((child) => (child.key === data.key ? data : child)) };
}

const EVENT: JsonObject = {
  type: "object",
  properties: { name: { type: "string" }, data: {}, id: { type: "string" }, ts: { type: "integer" } },
};

/** What is in the data of any of the events: of two that have the same name, the first. */
function dataVariable(schemas: readonly (JsonObject | undefined)[], sample: Json | undefined): Variable {
  const known = schemas.filter((schema) => schema !== undefined);
  const [first = variable(DATA, "data", { type: "object" }, sample), ...others] = known.map((schema) =>
    variable(DATA, "data", schema, sample),
  );
  const children = new Map(first.children.map((child) => [child.key, child]));
  for (const child of others.flatMap((other) => other.children))
    if (!children.has(child.key)) children.set(child.key, child);
  const isAnything = sample === undefined && known.length > 0 && known.length < schemas.length;
  return { ...first, type: isAnything ? "any" : first.type, children: [...children.values()] };
}

const DATA: readonly string[] = ["event", "data"];

function leaf(path: readonly string[], label: string, type: string): Variable {
  return { key: path.join("/"), path, label, type, sample: undefined, children: [] };
}

/** What a schema is read in: what its local references lead into, and what of it has been gone through already. */
interface Within {
  readonly root: Schema;
  /** Properties that this is inside of: schemas may contain themselves. */
  readonly passed: readonly JsonObject[];
}

/** A place with what its schema declares, and what a sample of it shows. Without a label it is called as there. */
function variable(
  path: readonly (string | number)[],
  label: string | undefined,
  schema: Json | undefined,
  sample: Json | undefined,
  within: Within = { root: isObject(schema) ? schema : {}, passed: [] },
): Variable {
  const { schema: declared, title } = describe(schema, within.root);
  const type = sample === undefined ? (typeof declared.type === "string" ? declared.type : "any") : typeOf(sample);
  const children = path.length >= DEEPEST + 2 ? [] : childrenOf(path, declared, sample, within);
  const { format, enum: values } = declared;
  return {
    key: path.join("/"),
    path,
    label: label ?? title ?? String(path.at(-1)),
    type,
    sample,
    children,
    ...(typeof format === "string" && { format }),
    ...(isList(values) && { values }),
  };
}

function childrenOf(
  path: readonly (string | number)[],
  schema: JsonObject,
  sample: Json | undefined,
  within: Within,
): readonly Variable[] {
  if (isList(sample) || (sample === undefined && schema.type === "array")) {
    const item = sample?.[0];
    if (item === undefined && !isObject(schema.items)) return [];
    return [variable([...path, 0], t("First entry"), schema.items, item, within)];
  }
  const properties = isObject(schema.properties) ? schema.properties : {};
  // Where there are no values to end it, what contains itself is shown once.
  if (sample === undefined && within.passed.includes(properties)) return [];
  const seen = isObject(sample) ? sample : {};
  const names = [...new Set([...Object.keys(properties), ...Object.keys(seen)])].slice(0, MOST_CHILDREN);
  const inside = { ...within, passed: [...within.passed, properties] };
  return names.map((name) => variable([...path, name], undefined, properties[name], seen[name], inside));
}

/** All places, outer ones before those inside of them. */
export function flatten(variables: readonly Variable[]): readonly Variable[] {
  return variables.flatMap((each) => [each, ...flatten(each.children)]);
}
