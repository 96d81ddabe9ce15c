/** Sizes on the canvas, and places for what has none yet. */

import type { Graph, Position } from "../document/types";
import { SOURCE } from "../document/types";

export const GRID = 20;
export const NODE_WIDTH = 240;
export const NODE_HEIGHT = 60;
export const NOTE_WIDTH = 220;
export const NOTE_HEIGHT = 130;
/** What the frame of a group leaves free around its steps, and above them for its name. */
export const FRAME_EDGE = 20;
export const FRAME_HEAD = 40;
/** From one step to the next below it. */
export const STEP_DOWN = 140;
export const STEP_ASIDE = 280;

/** More nodes than these, and only those in view are drawn. */
export const MOST_DRAWN = 150;

export function snap(position: Position): Position {
  return { x: Math.round(position.x / GRID) * GRID, y: Math.round(position.y / GRID) * GRID };
}

/** Where the handle of a way is, from the node's left edge. */
export function wayOffset(index: number, count: number): number {
  return (NODE_WIDTH * (index + 1)) / (count + 1);
}

/** The same for style sheets. */
export function wayPercent(index: number, count: number): string {
  return `${(100 * (index + 1)) / (count + 1)}%`;
}

function overlaps(left: Position, right: Position): boolean {
  return Math.abs(left.x - right.x) < NODE_WIDTH + GRID && Math.abs(left.y - right.y) < NODE_HEIGHT + GRID;
}

export interface Box extends Position {
  readonly width: number;
  readonly height: number;
}

/** The frame around steps. */
export function frameAround(places: readonly Position[]): Box {
  const [xs, ys] = [places.map(({ x }) => x), places.map(({ y }) => y)];
  const [x, y] = [Math.min(...xs) - FRAME_EDGE, Math.min(...ys) - FRAME_HEAD];
  const width = Math.max(...xs) + NODE_WIDTH + FRAME_EDGE - x;
  return { x, y, width, height: Math.max(...ys) + NODE_HEIGHT + FRAME_EDGE - y };
}

/** The first free place at or to the right of a wanted one. */
export function freePlace(wanted: Position, taken: Iterable<Position>): Position {
  const others = [...taken];
  let place = snap(wanted);
  while (others.some((other) => overlaps(place, other))) place = { x: place.x + STEP_ASIDE, y: place.y };
  return place;
}

/** What steps and notes take, each as if it were steps. */
export function takenPlaces(positions: Iterable<Position>, notes: Iterable<Position>): readonly Position[] {
  const lower = NOTE_HEIGHT - NODE_HEIGHT;
  return [
    ...positions,
    ...[...notes].flatMap(({ x, y }) => [
      { x, y },
      { x, y: y + lower },
    ]),
  ];
}

function half(values: readonly number[]): number {
  return (Math.min(...values) + Math.max(...values)) / 2;
}

/**
 * Where copied steps come to stand: in the middle of what is in view, beside what is there. It is the place of the
 * first one.
 */
export function pastePlace(copied: readonly Position[], middle: Position, taken: readonly Position[]): Position {
  const [first = middle] = copied;
  const [xs, ys] = [copied.map(({ x }) => x), copied.map(({ y }) => y)];
  let shift = copied.length === 0 ? { x: 0, y: 0 } : { x: middle.x - half(xs), y: middle.y - half(ys) };
  const isTaken = (): boolean =>
    copied.some((place) =>
      taken.some((other) => overlaps(snap({ x: place.x + shift.x, y: place.y + shift.y }), other)),
    );
  while (isTaken()) shift = { x: shift.x + STEP_ASIDE, y: shift.y };
  return snap({ x: first.x + shift.x, y: first.y + shift.y });
}

/** The place for a step that follows a node: below it, beside what follows it already. */
export function placeAfter(
  graph: Graph,
  from: string,
  positions: ReadonlyMap<string, Position>,
  taken: Iterable<Position> = positions.values(),
): Position {
  const above = positions.get(from) ?? { x: 0, y: 0 };
  const siblings = graph.edges.filter((edge) => edge.from === from).length;
  const wanted = { x: above.x + siblings * STEP_ASIDE, y: above.y + STEP_DOWN };
  return freePlace(wanted, taken);
}

/** The place in the middle between two nodes. */
export function placeBetween(from: Position, to: Position): Position {
  return snap({ x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 });
}

/** All nodes of a graph, the trigger first. Only the workflow's own graph and loops have one at all. */
export function nodeIds(graph: Graph): readonly string[] {
  return [SOURCE, ...graph.actions.map((action) => action.id)];
}
