/** Tidying up: a place for every node, so that edges lead down and cross seldom. */

import type { Position } from "../document/types";
import { NODE_WIDTH, STEP_ASIDE, STEP_DOWN, snap } from "./geometry";
import type { Layers, Link } from "./layers";
import { inLayers } from "./layers";

/** From one node to the next in its row, and from a node to an edge that passes by. */
const GAP = STEP_ASIDE - NODE_WIDTH;
/** How often the rows are moved to where their neighbours are; a few hundred steps come to rest by then. */
const ROUNDS = 16;
/** Edges over several layers would rather be straight than nodes be in the middle. */
const BEND_WEIGHT = 4;

/** `links` that leave the same node are in the order in which their targets are to stand, from left to right, if they care. */
export function arrange(ids: readonly string[], links: readonly Link[]): ReadonlyMap<string, Position> {
  const layers = inLayers(ids, links);
  const middles = middlesOf(layers);
  return new Map(
    layers.rows.flatMap((row, rank) =>
      row
        .filter((id) => !layers.bends.has(id))
        .map((id): [string, Position] => [
          id,
          snap({ x: (middles.get(id) ?? 0) - NODE_WIDTH / 2, y: rank * STEP_DOWN }),
        ]),
    ),
  );
}

/** Where the middle of each node is, from left to right: near those of its neighbours, and clear of its row. */
function middlesOf({ rows, above, below, bends }: Layers): ReadonlyMap<string, number> {
  const width = (id: string): number => (bends.has(id) ? 0 : NODE_WIDTH);
  const weight = (id: string): number => (bends.has(id) ? BEND_WEIGHT : 1);
  const middles = new Map<string, number>();
  const move = (row: readonly string[], wanted: readonly number[]): void => {
    const offsets = offsetsOf(row.map(width));
    const settled = settle(
      wanted.map((middle, index) => middle - (offsets[index] ?? 0)),
      row.map(weight),
    );
    for (const [index, id] of row.entries()) middles.set(id, (settled[index] ?? 0) + (offsets[index] ?? 0));
  };
  for (const row of rows)
    move(
      row,
      row.map(() => 0),
    );
  const near = (id: string, towards: Layers["above"]): number => {
    const others = towards.get(id) ?? [];
    if (others.length === 0) return middles.get(id) ?? 0;
    return others.reduce((sum, other) => sum + (middles.get(other) ?? 0), 0) / others.length;
  };
  const upwards = rows.toReversed();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const row of rows) move(row, row.map((id) => near(id, above))); // prettier-ignore
    for (const row of upwards) move(row, row.map((id) => near(id, below))); // prettier-ignore
  }
  return middles;
}

/** How far each of a row is from its first, if they stand as close as they may. */
function offsetsOf(widths: readonly number[]): readonly number[] {
  let [offset, last] = [0, 0];
  return widths.map((width, index) => {
    if (index > 0) offset += (last + width) / 2 + GAP;
    last = width;
    return offset;
  });
}

/** The numbers nearest to the wanted ones that never fall: neighbours that would are moved together to their mean. */
function settle(wanted: readonly number[], weights: readonly number[]): readonly number[] {
  const blocks: { mean: number; weight: number; size: number }[] = [];
  for (const [index, mean] of wanted.entries()) {
    let block = { mean, weight: weights[index] ?? 1, size: 1 };
    for (let last = blocks.at(-1); last !== undefined && last.mean > block.mean; last = blocks.at(-1)) {
      const weight = last.weight + block.weight;
      block = {
        mean: (last.mean * last.weight + block.mean * block.weight) / weight,
        weight,
        size: last.size + block.size,
      };
      blocks.pop();
    }
    blocks.push(block);
  }
  return blocks.flatMap(({ mean, size }) => Array.from({ length: size }, () => mean));
}
