/** Paths of references that lead nowhere, and why: as the server tells it, in words for who writes them. */

import type { Json } from "../base/json";
import { isObject } from "../base/json";
import { stepName } from "../document/names";
import { graphAt } from "../document/scope";
import type { WorkflowAction } from "../document/types";
import { t } from "../locale/locale";
import { dataSchemas } from "./eventData";
import { mayLead } from "./leads";
import { outputSchema } from "./outputs";
import type { Step } from "./paths";
import { ALL, follow, readPath } from "./paths";
import type { Variables, VariableSource } from "./variables";

/** What is wrong with the path of a reference, as far as can be told from what may be referred to. */
export function pathProblem(path: string, variables: Variables): string | undefined {
  const steps = readPath(path);
  if (steps === undefined) return path.startsWith("$") ? undefined : t("A reference begins with $.");
  return rootProblem(steps, variables) ?? fieldProblem(steps, variables);
}

function rootProblem([root, id]: readonly Step[], { roots, source }: Variables): string | undefined {
  const known = new Set(roots.map(({ path: [first] }) => first));
  if (typeof root !== "string" || (root !== "state" && !known.has(root)))
    return t("There is no {name} here.", { name: String(root ?? "$") });
  if (root !== "state") return undefined;
  if (id === undefined) return t("Name a step: $.state.<id>");
  if (roots.some(({ path: [first, name] }) => first === "state" && name === id)) return undefined;
  const step = stepInSight(String(id), source);
  return t("No step {id} comes before this one.", { id: step === undefined ? String(id) : nameOf(step, source) });
}

/** That nobody has declared what it leads to, nor has any run had it. */
function fieldProblem(steps: readonly Step[], variables: Variables): string | undefined {
  const end = steps.indexOf(ALL);
  const keys = (end === -1 ? steps : steps.slice(0, end)).filter((step) => step !== ALL);
  const { name, schemas, depth } = declaredAt(keys, variables);
  const field = keys.slice(depth);
  if (field.length === 0 || schemas.length === 0 || schemas.some((schema) => mayLead(schema, field))) return undefined;
  if (follow(variables.values, keys) !== undefined) return undefined;
  return t("{name} has no field {field}.", { name, field: field.join(".") });
}

interface Declared {
  readonly name: string;
  /** Any of these may be what is there; none, if anything may. */
  readonly schemas: readonly Json[];
  /** The steps that lead to it. */
  readonly depth: number;
}

function declaredAt([root, id]: readonly (string | number)[], { source, output }: Variables): Declared {
  if (root === "event" && id === "data" && source !== undefined) {
    const schemas = dataSchemas(source.document, source.events);
    return { name: t("Event"), schemas: schemas.map((schema) => schema ?? true), depth: 2 };
  }
  const stepId = root === "state" ? String(id) : root === "output" ? output : undefined;
  const step = stepId === undefined ? undefined : stepInSight(stepId, source);
  if (step === undefined) return { name: "", schemas: [], depth: 0 };
  const schema = (source && outputSchema(source.catalogue, step)) ?? true;
  const schemas = isFailureItsOutput(step) ? [] : [schema];
  return { name: nameOf(step, source), schemas, depth: root === "state" ? 2 : 1 };
}

/** Whether something else than the action declares may be the output. */
function isFailureItsOutput({ settings }: WorkflowAction): boolean {
  return isObject(settings) && settings.on_error !== undefined && settings.on_error !== "fail";
}

function stepInSight(id: string, source: VariableSource | undefined): WorkflowAction | undefined {
  return stepsInSight(source).find((step) => step.id === id);
}

function nameOf(step: WorkflowAction, source: VariableSource | undefined): string {
  return source === undefined ? step.id : stepName(step, source.catalogue.names);
}

/** The steps of this graph and of those around it, whether they come before or not. */
export function stepsInSight(source: VariableSource | undefined): readonly WorkflowAction[] {
  if (source === undefined) return [];
  const { document, scope } = source;
  const scopes = [scope, ...scope.map((_, depth) => scope.slice(0, scope.length - 1 - depth))];
  return scopes.flatMap((each) => graphAt(document, each).actions);
}
