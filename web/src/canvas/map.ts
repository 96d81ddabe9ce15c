/** The small map of larger graphs: when there is one, and what it lies over. */

import type { Viewport } from "@xyflow/react";
import { isNarrow } from "../base/place";
import type { Position } from "../document/types";
import { GRID, NODE_HEIGHT, NODE_WIDTH } from "./geometry";

/** Fewer nodes need none. */
const FEWEST = 8;
const MAP = { left: 16, bottom: 64, width: 200, height: 150 };

/** What has to stay free at the left so that it covers nothing. */
export const MAP_ROOM = MAP.left + MAP.width + GRID;

export function isMapped(nodeCount: number): boolean {
  return nodeCount >= FEWEST && !isNarrow();
}

/** Whether a node would be below the map in a view of this height. */
export function isBelowMap(places: Iterable<Position>, { x, y, zoom }: Viewport, height: number): boolean {
  const [right, top] = [MAP.left + MAP.width, height - MAP.bottom - MAP.height];
  return [...places].some((place) => {
    const [left, upper] = [place.x * zoom + x, place.y * zoom + y];
    const isBeside = left > right || left + NODE_WIDTH * zoom < MAP.left;
    const isApart = upper > top + MAP.height || upper + NODE_HEIGHT * zoom < top;
    return !isBeside && !isApart;
  });
}
