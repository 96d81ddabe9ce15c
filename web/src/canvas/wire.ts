/** Connections as React Flow draws them. */

import { isEqual } from "../base/json";
import type { Way } from "../document/edits";
import type { Conditional, WorkflowAction, WorkflowEdge } from "../document/types";
import type { KindNames } from "../document/names";
import { stepName } from "../document/names";
import { targetKey } from "../problems/locate";
import { countText } from "../problems/words";
import type { FlowEdge, FlowInput, WireData } from "./flow";
import { NODE_HEIGHT, NODE_WIDTH, wayOffset } from "./geometry";
import type { Routes } from "./routes";
import type { Route } from "./routing";
import { served, t } from "../locale/locale";

const NONE: readonly never[] = [];

export function wire(
  input: FlowInput,
  edge: WorkflowEdge,
  actions: ReadonlyMap<string, WorkflowAction>,
  routes: Routes,
): FlowEdge {
  const source = actions.get(edge.from);
  const ways = source === undefined ? [{}] : input.catalogue.waysOf(source);
  const way = Math.max(input.catalogue.wayOf(edge, ways), 0);
  const label = labelOf(edge, ways[way]);
  const problems = input.problems.byTarget.get(targetKey("edge", input.scope, edge.id)) ?? NONE;
  const { names } = input.catalogue;
  const from = nameIn(actions, edge.from, names);
  const to = nameIn(actions, edge.to, names);
  const { bend, lane } = routeOf(input, edge, { way, count: Math.max(ways.length, 1) }, routes);
  return {
    id: edge.id,
    type: "wire",
    source: edge.from,
    target: edge.to,
    sourceHandle: `way-${way}`,
    data: {
      edge,
      label,
      from,
      to,
      tone: toneOf(edge.conditional),
      hasProblem: problems.length > 0,
      bend,
      lane,
      paint: input.painting?.edges.get(edge.id),
      isPainted: input.painting !== undefined,
    },
    selected: input.selection.edges.has(edge.id),
    ariaLabel: [t("From {from} to {to}", { from, to }), label, countText(problems)]
      .filter((part) => part !== "")
      .join(", "),
  };
}

function nameIn(actions: ReadonlyMap<string, WorkflowAction>, id: string, kinds: KindNames): string {
  const action = actions.get(id);
  return action === undefined ? t("the trigger") : stepName(action, kinds);
}

/** How far above its end a connection turns whose name would else stand on the signs for adding steps; and the room. */
const LATE = 15;
const ROOM = 66;

function routeOf(
  { positions }: FlowInput,
  { id, from, to }: WorkflowEdge,
  { way, count }: { readonly way: number; readonly count: number },
  routes: Routes,
): Route {
  const [source, target] = [positions.get(from), positions.get(to)];
  if (source === undefined || target === undefined) return {};
  const start = { x: source.x + wayOffset(way, count), y: source.y + NODE_HEIGHT };
  const route = routes.find(id, start, { x: target.x + NODE_WIDTH / 2, y: target.y });
  const isPlain = route.bend === undefined && route.lane === undefined;
  return isPlain && count > 1 && target.y - start.y >= ROOM ? { bend: target.y - LATE } : route;
}

/** What stands on an edge: its own name, the name of its way, or its condition in short. */
export function labelOf(edge: WorkflowEdge, way: Way | undefined): string {
  if (typeof edge.name === "string" && edge.name !== "") return edge.name === way?.name ? served(edge.name) : edge.name;
  if (edge.conditional === null || edge.conditional === undefined) return "";
  if (way?.name !== undefined && isEqual(way.conditional, edge.conditional)) return served(way.name);
  const { type, value } = edge.conditional;
  if (type === "match")
    return `= ${value === undefined ? "null" : typeof value === "string" ? value : JSON.stringify(value)}`;
  return { if: t("If true"), else: t("Else"), error: t("Error") }[type];
}

function toneOf(conditional: Conditional | null | undefined): WireData["tone"] {
  if (conditional === null || conditional === undefined) return "plain";
  return ({ if: "good", else: "bad", error: "bad", match: "other" } as const)[conditional.type];
}
