/** Tidying up: a place for every node, so that edges lead down and cross seldom. Runs in a worker: see layout.ts. */

import { groupBy } from "../base/lists";
import { Graph, layout } from "@dagrejs/dagre";
import type { Position } from "../document/types";
import { NODE_HEIGHT, NODE_WIDTH, snap } from "./geometry";

/** What has to be arranged: plain values that can be sent to a worker. */
export interface Arrangement {
  readonly ids: readonly string[];
  /** Those that leave the same node in the order in which they are to stand, from left to right. */
  readonly edges: readonly (readonly [from: string, to: string])[];
}

/** From so many nodes on, the quicker of the two ways to rank is taken. */
const LARGE = 150;

/** Pairs of nodes that follow the same one, in the order of its ways: "True" stands to the left of "False". */
function siblings(edges: Arrangement["edges"]): { left: string; right: string }[] {
  const followers = groupBy(edges, ([from]) => from);
  return [...followers.values()].flatMap((group) => {
    const targets = [...new Set(group.map(([, to]) => to))];
    return targets.slice(1).map((right, index) => ({ left: targets[index] ?? right, right }));
  });
}

export function arrange({ ids, edges }: Arrangement): readonly (readonly [string, Position])[] {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({
    rankdir: "TB",
    nodesep: 60,
    ranksep: 80,
    ranker: ids.length > LARGE ? "longest-path" : "network-simplex",
  });
  graph.setDefaultEdgeLabel(() => ({}));
  const known = new Set(ids);
  for (const id of ids) graph.setNode(id, { width: NODE_WIDTH, height: NODE_HEIGHT });
  edges.forEach(([from, to], index) => {
    if (known.has(from) && known.has(to)) graph.setEdge(from, to, {}, String(index));
  });
  layout(graph, { constraints: siblings(edges) });
  return ids.map((id) => {
    const { x = 0, y = 0 } = graph.node(id);
    return [id, snap({ x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 })];
  });
}
