/** What lies below something that is dragged over the canvas. */

import { tree } from "../base/place";
import type { Position } from "../document/types";

/** A step or a connection of the drawing. */
export interface DrawnPart {
  readonly kind: "node" | "edge";
  readonly id: string;
  readonly element: Element;
}

const OVER = "dropping-here";

/** The part at a point of the screen, if there is one: a node before an edge. */
export function partAt({ x, y }: Position): DrawnPart | undefined {
  const elements = tree().elementsFromPoint(x, y);
  return closest(elements, "node") ?? closest(elements, "edge");
}

function closest(elements: readonly Element[], kind: DrawnPart["kind"]): DrawnPart | undefined {
  for (const below of elements) {
    const element = below.closest(`.react-flow__${kind}`);
    const id = element?.getAttribute("data-id") ?? "";
    if (element !== null && id !== "") return { kind, id, element };
  }
  return undefined;
}

/** Shows where what is dragged would be added; nowhere, for `undefined`. */
export function highlight(element: Element | undefined): void {
  for (const old of tree().querySelectorAll(`.${OVER}`)) if (old !== element) old.classList.remove(OVER);
  element?.classList.add(OVER);
}
