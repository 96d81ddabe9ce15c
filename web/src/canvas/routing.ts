/** Where a connection bends, so that it does not pass behind steps that it has nothing to do with. */

import type { Position } from "../document/types";
import { GRID, NODE_HEIGHT, NODE_WIDTH, STEP_DOWN } from "./geometry";

const CLEARANCE = 8;
/** How far from an end a connection bends that does not bend in the middle. */
const NEAR_END = 2 * GRID;

/**
 * The height at which a connection turns aside; `undefined` for the middle between its ends. `others` are the upper
 * left corners of the steps that it should keep clear of.
 */
export function bendFor(source: Position, target: Position, others: readonly Position[]): number | undefined {
  // A short one passes between two rows, where nothing stands.
  if (target.y - source.y < 1.5 * STEP_DOWN) return undefined;
  const middle = (source.y + target.y) / 2;
  const [first, ...further] = [middle, source.y + NEAR_END, target.y - NEAR_END].map((bend) => ({
    bend,
    hits: hitsOf(source, target, bend, others),
  }));
  if (first === undefined) return undefined;
  const best = further.reduce((left, right) => (right.hits < left.hits ? right : left), first);
  return best === first ? undefined : best.bend;
}

function hitsOf(source: Position, target: Position, bend: number, others: readonly Position[]): number {
  return others.filter(
    (box) =>
      crosses(box, source.x, source.x, source.y, bend) ||
      crosses(box, Math.min(source.x, target.x), Math.max(source.x, target.x), bend, bend) ||
      crosses(box, target.x, target.x, bend, target.y),
  ).length;
}

function crosses(box: Position, left: number, right: number, top: number, bottom: number): boolean {
  const isBeside = right < box.x - CLEARANCE || left > box.x + NODE_WIDTH + CLEARANCE;
  const isApart = bottom < box.y - CLEARANCE || top > box.y + NODE_HEIGHT + CLEARANCE;
  return !isBeside && !isApart;
}
