/** What hands do on the canvas, as changes of the editor: select, move, connect, drop. */

import type { Connection, EdgeChange, FinalConnectionState, NodeChange } from "@xyflow/react";
import type { Way } from "../document/edits";
import { reconnect } from "../document/edits";
import { refusal } from "../document/graph";
import { groupsOf } from "../document/groups";
import { changeNote, notesOf } from "../document/notes";
import { graphAt, positionsOf, withPositions } from "../document/scope";
import type { Graph, Position } from "../document/types";
import { addStep, connectNodes } from "../editor/commands";
import type { EditorStore, Selection } from "../editor/store";
import { notify } from "../shell/notices";
import type { DrawnPart } from "./dropping";
import { partAt } from "./dropping";
import type { FlowEdge, FlowNode } from "./flow";
import { framedGroup, noteNodeId } from "./flow";
import { NODE_HEIGHT, NODE_WIDTH, frameAround, nodeIds, snap } from "./geometry";
import { counted, t } from "../locale/locale";

/** From a point on the screen to the one of the canvas. */
export type ToCanvas = (point: Position) => Position;

/** The graph that the canvas shows. */
function present(store: EditorStore): Graph {
  const { history, scope } = store.getState();
  return graphAt(history.present, scope);
}

export function mayConnect(store: EditorStore, from: string, to: string): boolean {
  return refusal(present(store), from, to) === undefined;
}

/** What moves with a node to its new place: itself, or the steps inside of a frame. */
export function movedWith(store: EditorStore, id: string, to: Position): readonly (readonly [string, Position])[] {
  const { history, scope } = store.getState();
  const framed = framedGroup(id);
  const group = framed === undefined ? undefined : groupsOf(history.present, scope).get(framed);
  if (group === undefined) return [[id, to]];
  const places = positionsOf(history.present, scope);
  const steps = group.members.map((member) => [member, places.get(member) ?? { x: 0, y: 0 }] as const);
  const { x, y } = frameAround(steps.map(([, place]) => place));
  return steps.map(([member, place]) => [member, { x: place.x + to.x - x, y: place.y + to.y - y }]);
}

/** Dragging ends with one step of undo; moves by key that follow each other are one, too. */
export function storePositions(store: EditorStore, moved: ReadonlyMap<string, Position>): void {
  const { edit, scope } = store.getState();
  const places = new Map([...moved].map(([id, position]) => [id, snap(position)]));
  const names = [...places.keys()].toSorted().join(" ");
  const notes = notesOf(store.getState().history.present, scope);
  edit(
    (old) => {
      const steps = new Map([...places].filter(([id]) => !id.startsWith("/")));
      let document = withPositions(old, scope, steps);
      for (const id of notes.keys()) {
        const place = places.get(noteNodeId(id));
        if (place !== undefined) document = changeNote(document, scope, id, (note) => ({ ...note, ...place }));
      }
      return document;
    },
    counted("move {count} steps", places.size),
    `move ${names}`,
  );
}

/** Takes over what React Flow has selected, of nodes or of edges. */
export function changeSelection(
  store: EditorStore,
  what: keyof Selection,
  changes: readonly (NodeChange<FlowNode> | EdgeChange<FlowEdge>)[],
): void {
  const { selection, select } = store.getState();
  const graph = present(store);
  const known = new Set(what === "edges" ? graph.edges.map(({ id }) => id) : nodeIds(graph));
  const ids = new Set([...selection[what]].filter((id) => known.has(id)));
  for (const change of changes) {
    if (change.type !== "select") continue;
    if (change.selected) ids.add(change.id);
    else ids.delete(change.id);
  }
  const isSame = ids.size === selection[what].size && [...ids].every((id) => selection[what].has(id));
  if (!isSame) select({ ...selection, [what]: ids });
}

/** Draws an edge from a handle to a node. */
export function drawEdge(store: EditorStore, { source, target, sourceHandle }: Connection): void {
  connectNodes(store, source, target, wayOf(store, source, sourceHandle));
}

/** Leads an edge from another handle or to another node. */
export function moveEdge(store: EditorStore, edge: FlowEdge, { source, target, sourceHandle }: Connection): void {
  const isSameStart = source === edge.source && sourceHandle === edge.sourceHandle;
  const way = isSameStart ? undefined : (wayOf(store, source, sourceHandle) ?? {});
  const { edit, scope } = store.getState();
  edit((document) => reconnect(document, scope, edge.id, source, target, way), t("reconnect"));
}

/**
 * An edge was dropped where it cannot end: on a node that it may not lead to, or where a new step is wanted. Without
 * `toCanvas` it is one that was there before, and stays as it was.
 */
export function dropEdge(
  store: EditorStore,
  event: MouseEvent | TouchEvent,
  end: FinalConnectionState,
  toCanvas: ToCanvas | undefined,
): void {
  if (end.isValid === true || end.fromNode === null || end.fromHandle?.type !== "source") return;
  const from = end.fromNode.id;
  const way = wayOf(store, from, end.fromHandle.id ?? null);
  const touched = "changedTouches" in event ? event.changedTouches[0] : event;
  if (touched === undefined) return;
  const point = { x: touched.clientX, y: touched.clientY };
  const onto = nodeBelow(store, end, point);
  if (onto !== undefined && onto !== from) {
    const reason = refusal(present(store), from, onto);
    if (reason !== undefined) notify(reason, "error");
    return;
  }
  if (toCanvas === undefined) return;
  const place = toCanvas(point);
  const position = snap({ x: place.x - NODE_WIDTH / 2, y: place.y });
  store.getState().want({ at: "after", from, position, ...(way === undefined ? {} : { way }) });
}

function nodeBelow(store: EditorStore, { toNode }: FinalConnectionState, point: Position): string | undefined {
  const id = toNode?.id ?? partAt(point)?.id;
  return nodeIds(present(store)).find((node) => node === id);
}

/** An action was dragged here from the palette: onto a connection, onto the step that it is to follow, or to nowhere. */
export function dropKind(store: EditorStore, kind: string, place: Position, part: DrawnPart | undefined): void {
  if (part?.kind === "edge") return addStep(store, kind, { at: "edge", edgeId: part.id });
  if (part !== undefined && nodeIds(present(store)).includes(part.id))
    return addStep(store, kind, { at: "after", from: part.id });
  const position = { x: place.x - NODE_WIDTH / 2, y: place.y - NODE_HEIGHT / 2 };
  return addStep(store, kind, { at: "free", position });
}

/** The way that begins at a handle of a node. */
function wayOf(store: EditorStore, from: string, handle: string | null): Way | undefined {
  const action = present(store).actions.find(({ id }) => id === from);
  const ways = action === undefined ? [{}] : store.getState().catalogue.waysOf(action);
  return ways[Number(handle?.replace("way-", "") ?? 0)];
}
