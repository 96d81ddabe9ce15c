/** Where connections turn, so that they do not pass behind steps that they have nothing to do with. */

import type { Position } from "../document/types";
import { GRID, NODE_HEIGHT, NODE_WIDTH, STEP_DOWN } from "./geometry";

const CLEARANCE = 8;
/** How far from an end a connection turns that does not turn in the middle. */
const NEAR_END = 2 * GRID;
export const CORNER = 14;

/** How a connection goes down, where it is not simply straight to the middle and aside there. */
export interface Route {
  /** The height at which it turns aside. */
  readonly bend?: number;
  /** It turns aside twice, and goes down between at this distance from the left. */
  readonly lane?: number;
}

const DIRECT: Route = {};
/** A connection past more steps than these crosses half of the drawing: no way around would be worth the search. */
const MOST_PASSED = 40;
const MOST_LANES = 24;

/** `boxes` are the upper left corners of all steps; those of the ends do not matter. */
export function routeFor(source: Position, target: Position, boxes: readonly Position[]): Route {
  // A short one passes between two rows, where nothing stands.
  if (target.y - source.y < 1.5 * STEP_DOWN) return DIRECT;
  const between = boxes.filter(({ y }) => y >= source.y && y + NODE_HEIGHT <= target.y);
  if (between.length === 0) return DIRECT;
  const middle = (source.y + target.y) / 2;
  const [direct, ...others] = [middle, source.y + NEAR_END, target.y - NEAR_END].map((bend) => ({
    route: { bend },
    hits: hits(corners(source, target, { bend }), between),
  }));
  if (direct === undefined || direct.hits === 0) return DIRECT;
  const best = others.reduce((fewest, one) => (one.hits < fewest.hits ? one : fewest), direct);
  const aside = best.hits === 0 ? best : around(source, target, between, best);
  return aside === direct ? DIRECT : aside.route;
}

interface Tried {
  readonly route: Route;
  readonly hits: number;
}

/** The way down beside the steps between with the least detour, if it is clearer than the best without one. */
function around(source: Position, target: Position, between: readonly Position[], best: Tried): Tried {
  if (between.length > MOST_PASSED) return best;
  const detour = (x: number): number => Math.abs(x - source.x) + Math.abs(x - target.x);
  const lanes = between
    .flatMap(({ x }) => [x - GRID, x + NODE_WIDTH + GRID])
    .toSorted((left, right) => detour(left) - detour(right));
  let clearest = best;
  for (const x of lanes.slice(0, MOST_LANES)) {
    const tried = { route: { lane: x }, hits: hits(corners(source, target, { lane: x }), between) };
    if (tried.hits < clearest.hits) clearest = tried;
    if (clearest.hits === 0) break;
  }
  return clearest;
}

/** Where a connection turns, with its ends. */
export function corners(source: Position, target: Position, { bend, lane }: Route): readonly Position[] {
  if (lane === undefined) {
    const y = bend ?? (source.y + target.y) / 2;
    return [source, { x: source.x, y }, { x: target.x, y }, target];
  }
  const [above, below] = [source.y + NEAR_END, target.y - NEAR_END];
  return [
    source,
    { x: source.x, y: above },
    { x: lane, y: above },
    { x: lane, y: below },
    { x: target.x, y: below },
    target,
  ];
}

/** How far a connection goes straight on at its ends: as React Flow has it, if it does not have to turn before that. */
export function stem(start: number, end: number, bend: number): number {
  return Math.max(0, Math.min(20, bend - start, end - bend));
}

/** How many steps a line of horizontal and vertical parts passes behind. */
function hits(line: readonly Position[], boxes: readonly Position[]): number {
  return boxes.filter((box) => line.some((end, index) => index > 0 && crosses(box, line[index - 1] ?? end, end)))
    .length;
}

function crosses(box: Position, start: Position, end: Position): boolean {
  const [left, right] = [Math.min(start.x, end.x), Math.max(start.x, end.x)];
  const [top, bottom] = [Math.min(start.y, end.y), Math.max(start.y, end.y)];
  const isBeside = right < box.x - CLEARANCE || left > box.x + NODE_WIDTH + CLEARANCE;
  const isApart = bottom < box.y - CLEARANCE || top > box.y + NODE_HEIGHT + CLEARANCE;
  return !isBeside && !isApart;
}

/** A line with round corners, for SVG. */
export function rounded(line: readonly Position[]): string {
  return line
    .map((point, index) => {
      const [before, after] = [line[index - 1], line[index + 1]];
      if (before === undefined) return `M${point.x} ${point.y}`;
      if (after === undefined) return `L${point.x} ${point.y}`;
      const [start, end] = [towards(point, before), towards(point, after)];
      return `L${start.x} ${start.y}Q${point.x} ${point.y} ${end.x} ${end.y}`;
    })
    .join("");
}

/** The point where the corner at `corner` begins, on the way to its neighbour. */
function towards(corner: Position, other: Position): Position {
  const [x, y] = [other.x - corner.x, other.y - corner.y];
  const length = Math.hypot(x, y);
  const share = length === 0 ? 0 : Math.min(CORNER, length / 2) / length;
  return { x: corner.x + x * share, y: corner.y + y * share };
}
