/** Where the signs stand that add a step to a way out of a step: apart from each other and from connections. */

import type { Way } from "../document/edits";

/** A way that no edge takes yet: the canvas offers a "+" there. */
export interface OpenWay {
  readonly index: number;
  readonly way: Way;
  /** To which side of its handle the sign extends: -1 to the left, 1 to the right; 0 to both. */
  readonly side: number;
  /** How far below the step. */
  readonly down: number;
}

/** Two rows are close to the step: below them are the names of connections. */
const ONE_ROW = 18;
const FIRST = 4;
const ROW = 26;

/** The only way out of a node. */
export const PLAIN_WAY: OpenWay = { index: 0, way: {}, side: 0, down: ONE_ROW };

/**
 * Each sign extends away from connections and from the other signs, so that its name has all the room it needs. Those
 * that extend to the same side stand in rows, the outermost first: the lines to the others go past those above them.
 */
export function openWays(
  ways: readonly Way[],
  isOpen: (index: number) => boolean,
  taken: readonly number[],
): readonly OpenWay[] {
  const open = ways.map((way, index) => ({ way, index })).filter(({ index }) => isOpen(index));
  const sides = open.map(({ index }, at) =>
    taken.length === 0
      ? Math.sign(2 * at + 1 - open.length)
      : Number(taken.some((handle) => handle < index)) - Number(taken.some((handle) => handle > index)),
  );
  const rows = sides.map((side, at) => {
    if (side > 0) return sides.slice(at + 1).filter((other) => other > 0).length;
    return sides.slice(0, at).filter((other) => (taken.length > 0 ? other === side : other < 0)).length;
  });
  const first = Math.max(...rows) > 0 ? FIRST : ONE_ROW;
  return open.map((one, at) => ({ ...one, side: sides[at] ?? 0, down: first + ROW * (rows[at] ?? 0) }));
}
