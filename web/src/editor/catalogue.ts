/** The actions that workflows may use, and the ways on which each can be left. */

import type { Action } from "../api/schema";
import type { Json } from "../base/json";
import { isEqual, isList, isObject } from "../base/json";
import type { Way } from "../document/edits";
import type { Conditional, ConditionType, WorkflowAction, WorkflowEdge } from "../document/types";
import type { IconName } from "../shell/ui/Icon";
import { isIconName } from "../shell/ui/Icon";
import { inLanguage } from "../config/schematexts";
import { locale, served, t } from "../locale/locale";

const CONDITION_TYPES: readonly string[] = ["if", "else", "match", "error"] satisfies ConditionType[];

/** Names of icons in the catalogue, in other drawings' words. */
const ICONS: Readonly<Record<string, IconName>> = {
  "radio-tower": "bolt",
  megaphone: "bolt",
  octagon: "stop",
  scroll: "log",
  timer: "clock",
  "calendar-clock": "clock",
  "life-buoy": "alert",
  "phone-incoming": "download",
  "user-check": "user",
  repeat: "loop",
  reply: "upload",
};

export const ERROR_WAY: Way = { name: "Error", conditional: { type: "error" } };

/** An action of the catalogue, prepared. */
export interface Kind {
  readonly action: Action;
  readonly icon: IconName;
  readonly category: string;
  /** The category as the server has it: its colour is the same in all languages. */
  readonly family: string;
  readonly ways: readonly Way[];
}

export class Catalogue {
  /** Those that are offered; documents may have others, too. */
  readonly kinds: readonly Kind[];
  readonly names: ReadonlyMap<string, string>;
  private readonly byKind: ReadonlyMap<string, Kind>;

  /** `offered` are kinds, or beginnings of kinds that end in `*`; all are, unless there are some. */
  constructor(actions: readonly Action[], offered: readonly string[] = []) {
    const all = actions.map(prepare);
    this.kinds = offered.length === 0 ? all : all.filter(({ action }) => isNamed(offered, action.kind));
    this.byKind = new Map(all.map((kind) => [kind.action.kind, kind]));
    this.names = new Map(all.map(({ action }) => [action.kind, action.name]));
  }

  /** The action of a kind; kinds from the TypeScript kit may lack their prefix. */
  get(kind: string): Kind | undefined {
    return this.byKind.get(kind);
  }

  /** The ways on which a step can be left: those its kind offers, and the one for its failure. */
  waysOf(action: WorkflowAction): readonly Way[] {
    const ways = this.get(action.kind)?.ways ?? [{}];
    return isObject(action.settings) && action.settings.on_error === "branch" ? [...ways, ERROR_WAY] : ways;
  }

  /** Which of the ways of its source an edge takes, as an index; -1 if it has a condition of its own. */
  wayOf(edge: WorkflowEdge, ways: readonly Way[]): number {
    return ways.findIndex((way) => isEqual(way.conditional ?? null, edge.conditional ?? null));
  }
}

function isNamed(patterns: readonly string[], kind: string): boolean {
  return patterns.some((name) => (name.endsWith("*") ? kind.startsWith(name.slice(0, -1)) : kind === name));
}

function prepare(written: Action): Kind {
  const action = inPresentLanguage(written);
  const icon = ICONS[action.icon ?? ""] ?? (isIconName(action.icon) ? action.icon : "bolt");
  return {
    action,
    icon,
    category: action.category ?? t("Other"),
    family: written.category ?? "Other",
    ways: waysFrom(action.edges),
  };
}

/** What hosts call their own actions is in the language of their users already: it stays. */
function inPresentLanguage(action: Action): Action {
  if (locale() === "en") return action;
  return {
    ...action,
    name: served(action.name),
    description: served(action.description),
    category: action.category === null ? null : served(action.category),
    inputs: inLanguage(action.inputs, served),
  };
}

function waysFrom(edges: Json): readonly Way[] {
  const offered = isObject(edges) && isList(edges.edges) ? edges.edges.flatMap(readWay) : [];
  const mayAdd = !isObject(edges) || edges.allowAdd !== false;
  return mayAdd ? [...offered, {}] : offered;
}

function readWay(value: Json): Way[] {
  if (!isObject(value) || !isObject(value.conditional)) return [];
  const { type } = value.conditional;
  if (typeof type !== "string" || !CONDITION_TYPES.includes(type)) return [];
  const conditional = value.conditional as unknown as Conditional;
  return [typeof value.name === "string" ? { name: value.name, conditional } : { conditional }];
}
