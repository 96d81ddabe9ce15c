import type { Position } from "../document/types";
import type { Route } from "./routing";
import { routeFor } from "./routing";

interface Found {
  readonly source: Position;
  readonly target: Position;
  readonly route: Route;
}

/**
 * The routes of a drawing. Finding them takes longer than a frame in large ones, so they are kept: while steps are
 * dragged only those of their own connections change, and all others when the steps have come to rest.
 */
export class Routes {
  private boxes: readonly Position[] = [];
  private readonly found = new Map<string, Found>();

  /** Takes over where the steps are, unless they are being dragged. */
  settle(positions: ReadonlyMap<string, Position>, isMoving: boolean): void {
    const boxes = [...positions.values()];
    if (isMoving || (boxes.length === this.boxes.length && boxes.every((box, index) => isSame(box, this.boxes[index]))))
      return;
    this.boxes = boxes;
    this.found.clear();
  }

  /** How the connection of this id goes from one point to another. */
  find(id: string, source: Position, target: Position): Route {
    const old = this.found.get(id);
    if (old !== undefined && isSame(old.source, source) && isSame(old.target, target)) return old.route;
    const route = routeFor(source, target, this.boxes);
    this.found.set(id, { source, target, route });
    return route;
  }
}

function isSame(one: Position, other: Position | undefined): boolean {
  return one.x === other?.x && one.y === other.y;
}
