/** A graph as React Flow draws it. Nodes and edges that stay the same stay the same objects. */

import { groupBy } from "../base/lists";
import type { Edge, Node, NodeHandle } from "@xyflow/react";
import { Position as Side } from "@xyflow/react";
import { isEqual } from "../base/json";
import type { Way } from "../document/edits";
import { isDisabled } from "../document/edits";
import type { Group } from "../document/groups";
import type { Note } from "../document/notes";
import type { Graph, Position, Scope, WorkflowAction, WorkflowEdge } from "../document/types";
import { SOURCE } from "../document/types";
import type { Catalogue, Kind } from "../editor/catalogue";
import type { Selection } from "../editor/store";
import type { LocatedProblem, ProblemIndex } from "../problems/locate";
import { targetKey } from "../problems/locate";
import type { OpenWay } from "./adders";
import { openWays } from "./adders";
import { NODE_HEIGHT, NODE_WIDTH, NOTE_HEIGHT, NOTE_WIDTH, frameAround, wayOffset } from "./geometry";
import type { EdgeState, Painting, StepPaint } from "./painting";
import { statusWord } from "./painting";
import { Routes } from "./routes";
import { wire } from "./wire";
import { countText } from "../problems/words";
import { t } from "../locale/locale";

export interface StepData extends Record<string, unknown> {
  readonly action: WorkflowAction;
  readonly kind: Kind | undefined;
  readonly ways: readonly Way[];
  readonly openWays: readonly OpenWay[];
  readonly problems: readonly LocatedProblem[];
  readonly isTarget: boolean;
  /** How a run went, where one is shown; `isPainted` without it means that the run did not come here. */
  readonly paint: StepPaint | undefined;
  readonly isPainted: boolean;
}

export interface TriggerData extends Record<string, unknown> {
  readonly lines: readonly string[];
  readonly hasNext: boolean;
  readonly problems: readonly LocatedProblem[];
  readonly isLoop: boolean;
}

export interface NoteData extends Record<string, unknown> {
  readonly id: string;
  readonly text: string;
}

export interface FrameData extends Record<string, unknown> {
  readonly id: string;
  readonly name: string;
  readonly members: readonly string[];
}

export interface WireData extends Record<string, unknown> {
  readonly edge: WorkflowEdge;
  readonly label: string;
  /** What the steps at its ends are called. */
  readonly from: string;
  readonly to: string;
  readonly tone: "plain" | "good" | "bad" | "other";
  readonly hasProblem: boolean;
  /** How it goes past other steps: see routing.ts. */
  readonly bend: number | undefined;
  readonly lane: number | undefined;
  readonly paint: EdgeState | undefined;
  readonly isPainted: boolean;
}

export type StepNode = Node<StepData, "step">;
export type TriggerNode = Node<TriggerData, "trigger">;
export type NoteNode = Node<NoteData, "note">;
export type FrameNode = Node<FrameData, "frame">;
export type FlowNode = StepNode | TriggerNode | NoteNode | FrameNode;
export type FlowEdge = Edge<WireData, "wire">;

export interface FlowInput {
  readonly graph: Graph;
  readonly scope: Scope;
  readonly positions: ReadonlyMap<string, Position>;
  /** Whether steps are being dragged. */
  readonly isMoving: boolean;
  readonly catalogue: Catalogue;
  readonly selection: Selection;
  readonly problems: ProblemIndex;
  readonly triggerLines: readonly string[];
  /** With the places that they have while they are dragged. */
  readonly notes: ReadonlyMap<string, Note>;
  readonly groups: ReadonlyMap<string, Group>;
  /** The node that would be connected, while somebody chooses one by keys. */
  readonly connectTarget: string | undefined;
  /** How a run of this graph went, where one is shown. */
  readonly painting: Painting | undefined;
}

const SIZE = { width: NODE_WIDTH, height: NODE_HEIGHT } as const;
const NONE: readonly LocatedProblem[] = [];

/** Turns graphs into nodes and edges, and remembers the last ones. */
export class FlowBuilder {
  private nodes = new Map<string, FlowNode>();
  private edges = new Map<string, FlowEdge>();
  private readonly routes = new Routes();

  buildNodes(input: FlowInput): FlowNode[] {
    const taken = groupBy(input.graph.edges, (edge) => edge.from);
    const inGroup = new Map(
      [...input.groups.values()].flatMap(({ name, members }) =>
        members.map((id): [string, string] => [id, name || t("Group")]),
      ),
    );
    const built: FlowNode[] = [
      ...[...input.groups].map(([id, group]) => frameNode(id, group, input.positions)),
      ...[...input.notes].map(([id, note]) => noteNode(id, note)),
      triggerNode(input, taken.has(SOURCE)),
      ...input.graph.actions.map((action) => stepNode(input, action, taken, inGroup.get(action.id))),
    ];
    return built.map((node) => this.keepNode(node));
  }

  buildEdges(input: FlowInput): FlowEdge[] {
    const actions = new Map(input.graph.actions.map((action) => [action.id, action]));
    this.routes.settle(input.positions, input.isMoving);
    const built = input.graph.edges.filter(
      (edge) => actions.has(edge.to) && (edge.from === SOURCE || actions.has(edge.from)),
    );
    return built.map((edge) => {
      const made = wire(input, edge, actions, this.routes);
      const old = this.edges.get(made.id);
      if (old !== undefined && isSameFlow(old, made)) return old;
      this.edges.set(made.id, made);
      return made;
    });
  }

  private keepNode(node: FlowNode): FlowNode {
    const old = this.nodes.get(node.id);
    if (old !== undefined && isSameFlow(old, node)) return old;
    this.nodes.set(node.id, node);
    return node;
  }
}

function isSameFlow<T extends FlowNode | FlowEdge>(old: T, now: T): boolean {
  const { data: oldData, ...oldRest } = old;
  const { data, ...rest } = now;
  return isEqual(oldRest, rest) && isSameData(oldData ?? {}, data ?? {});
}

/** Documents share what stays the same, so one level is enough to tell. */
function isSameData(old: Record<string, unknown>, now: Record<string, unknown>): boolean {
  return Object.keys(now).every((key) => {
    const [left, right] = [old[key], now[key]];
    if (Array.isArray(left) && Array.isArray(right)) return isEqual(left, right);
    return Object.is(left, right);
  });
}

function handles(ways: number, hasInput: boolean): NodeHandle[] {
  const outputs = Array.from({ length: ways }, (_, index): NodeHandle => ({
    id: `way-${index}`,
    type: "source",
    position: Side.Bottom,
    x: wayOffset(index, ways),
    y: NODE_HEIGHT,
  }));
  // Without an id of "null" it is not taken for the handle that is drawn, which then does not show what ends on it.
  const input: NodeHandle = { id: null, type: "target", position: Side.Top, x: NODE_WIDTH / 2, y: 0 };
  return hasInput ? [input, ...outputs] : outputs;
}

function triggerNode(input: FlowInput, hasNext: boolean): TriggerNode {
  const isLoop = input.scope.length > 0;
  const problems = isLoop ? NONE : (input.problems.byTarget.get("workflow") ?? NONE);
  return {
    id: SOURCE,
    type: "trigger",
    position: input.positions.get(SOURCE) ?? { x: 0, y: 0 },
    data: { lines: input.triggerLines, hasNext, problems, isLoop },
    selected: input.selection.actions.has(SOURCE),
    ariaLabel: [isLoop ? t("Each item") : t("Trigger"), ...input.triggerLines, countText(problems)]
      .filter(Boolean)
      .join(", "),
    handles: handles(1, false),
    ...SIZE,
    measured: SIZE,
  };
}

/** The id of a note among the nodes: ids of steps hold no "/". */
export function noteNodeId(id: string): string {
  return `/${id}`;
}

const FRAME = "//";

/** The id of the frame of a group among the nodes. */
function frameNodeId(id: string): string {
  return FRAME + id;
}

/** The group of which a node is the frame. */
export function framedGroup(nodeId: string): string | undefined {
  return nodeId.startsWith(FRAME) ? nodeId.slice(FRAME.length) : undefined;
}

function frameNode(id: string, { name, members }: Group, positions: ReadonlyMap<string, Position>): FrameNode {
  const { x, y, ...size } = frameAround(members.map((member) => positions.get(member) ?? { x: 0, y: 0 }));
  return {
    id: frameNodeId(id),
    type: "frame",
    position: { x, y },
    data: { id, name, members },
    selectable: false,
    focusable: false,
    connectable: false,
    handles: [],
    zIndex: -2,
    ...size,
    measured: size,
  };
}

function noteNode(id: string, { x, y, text }: Note): NoteNode {
  const size = { width: NOTE_WIDTH, height: NOTE_HEIGHT };
  return {
    id: noteNodeId(id),
    type: "note",
    position: { x, y },
    data: { id, text },
    selectable: false,
    focusable: false,
    connectable: false,
    handles: [],
    zIndex: -1,
    ...size,
    measured: size,
  };
}

function stepNode(
  input: FlowInput,
  action: WorkflowAction,
  taken: ReadonlyMap<string, WorkflowEdge[]>,
  group: string | undefined,
): StepNode {
  const kind = input.catalogue.get(action.kind);
  const ways = input.catalogue.waysOf(action);
  const used = new Set((taken.get(action.id) ?? []).map((edge) => input.catalogue.wayOf(edge, ways)));
  const isLeaf = !taken.has(action.id);
  const problems = input.problems.byTarget.get(targetKey("action", input.scope, action.id)) ?? NONE;
  const kindName = kind?.action.name ?? action.kind;
  const name = action.name || kindName;
  const paint = input.painting?.steps.get(action.id);
  const parts = [
    name,
    name === kindName ? "" : kindName,
    isDisabled(action) ? t("disabled") : "",
    group === undefined ? "" : t("in the group {name}", { name: group }),
    countText(problems),
    paint === undefined ? "" : statusWord(paint.status),
  ];
  return {
    id: action.id,
    type: "step",
    position: input.positions.get(action.id) ?? { x: 0, y: 0 },
    data: {
      action,
      kind,
      ways,
      openWays: openWays(ways, (index) => !used.has(index) && (isLeaf || ways[index]?.name !== undefined), [...used]),
      problems,
      isTarget: input.connectTarget === action.id,
      paint,
      isPainted: input.painting !== undefined,
    },
    selected: input.selection.actions.has(action.id),
    ariaLabel: parts.filter((part) => part !== "").join(", "),
    handles: handles(Math.max(ways.length, 1), true),
    ...SIZE,
    measured: SIZE,
  };
}
