/** Graphs in layers, from the top down: how far each node is from the beginning, and who stands beside whom. */

import { groupBy } from "../base/lists";

/** `isWay` says that its target has to stand in its place among those that follow the same node. */
export type Link = readonly [from: string, to: string, isWay?: boolean];

export interface Layers {
  /** The nodes of each layer, from left to right; between the ends of a long edge there is a bend in each layer. */
  readonly rows: readonly (readonly string[])[];
  /** What hangs together from one layer to the next. */
  readonly above: Neighbours;
  readonly below: Neighbours;
  readonly bends: ReadonlySet<string>;
}

type Neighbours = ReadonlyMap<string, readonly string[]>;

interface Relations {
  readonly above: Neighbours;
  readonly below: Neighbours;
  /** Who has to stand at the left of a node: the one before it among those that follow the same node. */
  readonly elders: ReadonlyMap<string, string>;
}

/** How often the rows are sorted, down and up in turn; more does not get better. */
const SWEEPS = 12;
const NOBODY: readonly string[] = [];

/** `links` that leave the same node are in the order in which their targets are to stand, if they care. */
export function inLayers(ids: readonly string[], links: readonly Link[]): Layers {
  const known = new Set(ids);
  const ranks = ranksOf(
    ids,
    links.filter(([from, to]) => known.has(from) && known.has(to)),
  );
  const bends = new Set<string>();
  const parts = ranks.links.flatMap((link, index) => split(link, index, ranks.of, bends));
  const below = neighbours(parts);
  const above = neighbours(parts.map(([from, to]) => [to, from]));
  const rows = sorted(firstRows(ids, ranks.of, below), {
    above,
    below,
    elders: eldersOf(above, neighbours(parts.filter(([, , isWay]) => isWay === true))),
  });
  return { rows, above, below, bends };
}

interface Ranks {
  readonly of: Map<string, number>;
  /** Without those that would close a circle. */
  readonly links: readonly Link[];
}

/** Every node one layer below the lowest of those that lead to it. */
function ranksOf(ids: readonly string[], links: readonly Link[]): Ranks {
  const followers = neighbours(links);
  const waiting = new Map(ids.map((id) => [id, 0]));
  for (const [, to] of links) waiting.set(to, (waiting.get(to) ?? 0) + 1);
  const ready = ids.filter((id) => waiting.get(id) === 0);
  const of = new Map<string, number>();
  const lowest = new Map<string, number>();
  while (of.size < ids.length) {
    // Drafts may have circles: they are cut at the node that was made first.
    const id = ready.shift() ?? ids.find((other) => !of.has(other));
    if (id === undefined) break;
    if (of.has(id)) continue;
    const rank = lowest.get(id) ?? 0;
    of.set(id, rank);
    for (const to of followers.get(id) ?? NOBODY) {
      lowest.set(to, Math.max(lowest.get(to) ?? 0, rank + 1));
      waiting.set(to, (waiting.get(to) ?? 0) - 1);
      if (waiting.get(to) === 0) ready.push(to);
    }
  }
  return { of, links: links.filter(([from, to]) => (of.get(from) ?? 0) < (of.get(to) ?? 0)) };
}

/** A link as a chain from layer to layer, by bends that get ranks of their own. */
function split(
  [from, to, isWay = false]: Link,
  index: number,
  ranks: Map<string, number>,
  bends: Set<string>,
): readonly Link[] {
  const chain: Link[] = [];
  let last = from;
  for (let rank = (ranks.get(from) ?? 0) + 1; rank < (ranks.get(to) ?? 0); rank += 1) {
    // No id of a step has a space in it.
    const bend = `${index} ${rank}`;
    bends.add(bend);
    ranks.set(bend, rank);
    chain.push([last, bend, isWay]);
    last = bend;
  }
  return [...chain, [last, to, isWay]];
}

function neighbours(links: readonly Link[]): Neighbours {
  return new Map(
    [...groupBy(links, ([from]) => from)].map(([from, group]) => [from, [...new Set(group.map(([, to]) => to))]]),
  );
}

/** The order in which a walk comes by: trees have no crossings then. */
function firstRows(ids: readonly string[], ranks: ReadonlyMap<string, number>, below: Neighbours): string[][] {
  const rows: string[][] = [];
  const seen = new Set<string>();
  const waiting = [...ids].toReversed().toSorted((left, right) => (ranks.get(right) ?? 0) - (ranks.get(left) ?? 0));
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    (rows[ranks.get(id) ?? 0] ??= []).push(id);
    waiting.push(...(below.get(id) ?? NOBODY).toReversed());
  }
  return rows;
}

/** The rows with as few crossings as sorting them by the middle of their neighbours brings about. */
function sorted(first: string[][], relations: Relations): string[][] {
  const { above, below } = relations;
  let best = { rows: first, crossings: crossingsOf(first, below) };
  let rows = first;
  for (let sweep = 0; sweep < SWEEPS && best.crossings > 0; sweep += 1) {
    rows = sweep % 2 === 0 ? swept(rows, above, relations) : swept(rows.toReversed(), below, relations).toReversed();
    const crossings = crossingsOf(rows, below);
    if (crossings < best.crossings) best = { rows, crossings };
  }
  return best.rows;
}

function swept(rows: string[][], towards: Neighbours, { elders }: Relations): string[][] {
  let before: readonly string[] = [];
  return rows.map((row) => {
    const places = new Map(before.map((id, index) => [id, index]));
    const middles = new Map(row.map((id, index) => [id, middleOf(towards.get(id) ?? NOBODY, places) ?? index]));
    before = inOrder(row, middles, elders);
    return [...before];
  });
}

function middleOf(ids: readonly string[], places: ReadonlyMap<string, number>): number | undefined {
  if (ids.length === 0) return undefined;
  return ids.reduce((sum, id) => sum + (places.get(id) ?? 0), 0) / ids.length;
}

function eldersOf(above: Neighbours, ways: Neighbours): ReadonlyMap<string, string> {
  return new Map(
    [...ways].flatMap(([parent, followers]) => {
      const family = followers.filter((id) => above.get(id)?.[0] === parent);
      return family.slice(1).map((id, index): [string, string] => [id, family[index] ?? id]);
    }),
  );
}

/** A row by its middles; those who follow the same node stay in the order of its ways. */
function inOrder(
  row: readonly string[],
  middles: ReadonlyMap<string, number>,
  elders: Relations["elders"],
): readonly string[] {
  const left = row.toSorted((one, other) => (middles.get(one) ?? 0) - (middles.get(other) ?? 0));
  const placed = new Set<string>();
  while (left.length > 0) {
    const next = left.findIndex((id) => {
      const before = elders.get(id);
      return before === undefined || placed.has(before);
    });
    const [id] = left.splice(Math.max(next, 0), 1);
    if (id !== undefined) placed.add(id);
  }
  return [...placed];
}

function crossingsOf(rows: readonly (readonly string[])[], below: Neighbours): number {
  let crossings = 0;
  for (const [index, row] of rows.entries()) {
    const places = new Map(rows[index + 1]?.map((id, place) => [id, place]));
    const ends = row.flatMap((id) =>
      (below.get(id) ?? NOBODY).map((to) => places.get(to) ?? 0).toSorted((a, b) => a - b),
    );
    crossings += inversions(ends);
  }
  return crossings;
}

/** How many pairs stand in the wrong order. */
function inversions(numbers: readonly number[]): number {
  const sortedUp: number[] = [];
  let count = 0;
  for (const number of numbers) {
    let [low, high] = [0, sortedUp.length];
    while (low < high) {
      const half = (low + high) >> 1;
      if ((sortedUp[half] ?? 0) > number) high = half;
      else low = half + 1;
    }
    count += sortedUp.length - low;
    sortedUp.splice(low, 0, number);
  }
  return count;
}
