/** Problems as people are told of them: with the names of steps and fields in the place of ids and pointers. */

import type { Problem } from "../api/schema";
import { fromPointer, isObject } from "../base/json";
import type { Schema } from "../config/schema";
import { humanize, resolve } from "../config/schema";
import { nameOfStep } from "../document/names";
import { graphAt } from "../document/scope";
import type { Graph, WorkflowDocument } from "../document/types";
import { SOURCE } from "../document/types";
import type { Catalogue } from "../editor/catalogue";
import { served, t } from "../locale/locale";
import type { LocatedProblem, Target } from "./locate";
import { locate } from "./locate";
import { fieldText } from "./words";

export interface ToldProblem {
  /** "Order is missing". */
  readonly text: string;
  /** What it is about: "Send the invoice"; "" for the workflow. */
  readonly where: string;
}

export function tell(document: WorkflowDocument, catalogue: Catalogue, located: LocatedProblem): ToldProblem {
  const { problem, target } = located;
  if (target.kind === "workflow") return { text: emptyText(document, problem) ?? fieldText(problem), where: "" };
  const graph = graphAt(document, target.scope);
  return { text: textOf(problem, fieldOf(graph, catalogue, target)), where: whereOf(graph, catalogue, target) };
}

/** "Event is missing", of a field of a trigger that is still empty, as it begins. */
function emptyText(document: WorkflowDocument, { code, pointer }: Problem): string | undefined {
  const [root, ...keys] = fromPointer(pointer);
  const trigger = root === "triggers" ? document.triggers?.[Number(keys.shift())] : document.trigger;
  const [field, ...deeper] = keys;
  if (code !== "invalid-value" || field === undefined || deeper.length > 0 || trigger?.[field] !== "") return undefined;
  return t("{field} is missing", { field: served(humanize(field)) });
}

/** The same in one line: "Send the invoice: Order is missing". */
export function tellInOneLine(document: WorkflowDocument, catalogue: Catalogue, problem: Problem): string {
  const target = locate(document, problem.pointer);
  if (target.kind === "workflow") return problem.message;
  const { text, where } = tell(document, catalogue, { problem, target });
  return `${where}: ${text}`;
}

function textOf(problem: Problem, field: string): string {
  if (problem.code === "missing-input" && field !== "") return t("{field} is missing", { field });
  const text = fieldText(problem);
  return problem.code === "invalid-input" && field !== "" ? `${field}: ${text}` : text;
}

function whereOf(graph: Graph, catalogue: Catalogue, target: Exclude<Target, { kind: "workflow" }>): string {
  const nameOf = (id: string): string => (id === SOURCE ? t("Trigger") : nameOfStep(graph, id, catalogue.names));
  if (target.kind === "action") return nameOf(target.id);
  const edge = graph.edges.find(({ id }) => id === target.id);
  return edge === undefined
    ? t("Connection")
    : t("From {from} to {to}", { from: nameOf(edge.from), to: nameOf(edge.to) });
}

/** What the field is called in its form: "Order", "Lines › 2 › Pieces". */
function fieldOf(graph: Graph, catalogue: Catalogue, target: Exclude<Target, { kind: "workflow" }>): string {
  const [part, ...keys] = fromPointer(target.field);
  if (target.kind === "edge" || (part !== "inputs" && part !== "settings")) return "";
  const action = graph.actions.find(({ id }) => id === target.id);
  const root = part === "inputs" && action !== undefined ? (catalogue.get(action.kind)?.action.inputs ?? {}) : {};
  let here: Schema = root;
  const labels = keys.map((key) => {
    const properties = isObject(here.properties) ? here.properties : {};
    const isEntry = !(key in properties) && /^\d+$/.test(key);
    here = resolve(isEntry ? here.items : properties[key], root);
    if (isEntry) return String(Number(key) + 1);
    return typeof here.title === "string" ? here.title : served(humanize(key));
  });
  return labels.join(" › ");
}
