import type { ReactNode, RefObject } from "react";
import { useLayoutEffect, useRef } from "react";
import { direction } from "../../locale/locale";

/** How much of a window a box leaves free at its edges, and between itself and its button. */
const EDGE = 8;
const GAP = 6;
const MOST_HEIGHT = 380;

interface Window {
  readonly width: number;
  readonly height: number;
}

export interface Place {
  readonly left: number;
  readonly width: number;
  readonly maxHeight: number;
  readonly top?: number;
  readonly bottom?: number;
}

/** Where a box stands at its button so that all of it is inside of the window: below it, or above where more room is. */
export function placeAt(
  button: Pick<DOMRect, "left" | "right" | "top" | "bottom">,
  wanted: number,
  window: Window,
  isRightToLeft: boolean,
): Place {
  const width = Math.min(wanted, window.width - 2 * EDGE);
  const start = isRightToLeft ? button.left : button.right - width;
  const left = Math.max(EDGE, Math.min(start, window.width - width - EDGE));
  const [below, above] = [window.height - button.bottom, button.top].map((room) => room - GAP - EDGE) as [
    number,
    number,
  ];
  const isBelow = below >= MOST_HEIGHT || below >= above;
  const maxHeight = Math.max(0, Math.min(MOST_HEIGHT, isBelow ? below : above));
  return isBelow
    ? { left, width, maxHeight, top: button.bottom + GAP }
    : { left, width, maxHeight, bottom: window.height - button.top + GAP };
}

function inPixels(value: number | undefined): string {
  return value === undefined ? "auto" : `${value}px`;
}

interface PopoverProps extends React.HTMLAttributes<HTMLDivElement> {
  /** What it belongs to. */
  readonly anchor: RefObject<HTMLElement | null>;
  readonly width: number;
  readonly children: ReactNode;
}

/** A box above everything else, which no panel cuts off. It moves along with its button. */
export function Popover({ anchor, width, children, className, ...rest }: PopoverProps): React.JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const place = (): void => {
      if (box.current === null || anchor.current === null) return;
      const seen = { width: document.documentElement.clientWidth, height: innerHeight };
      const found = placeAt(anchor.current.getBoundingClientRect(), width, seen, direction() === "rtl");
      Object.assign(box.current.style, {
        top: inPixels(found.top),
        bottom: inPixels(found.bottom),
        left: inPixels(found.left),
        width: inPixels(found.width),
        maxHeight: inPixels(found.maxHeight),
      });
    };
    place();
    box.current?.showPopover();
    // Before it is shown, nothing inside of it can have the focus.
    box.current?.querySelector("input")?.focus();
    addEventListener("resize", place);
    addEventListener("scroll", place, true);
    return () => {
      removeEventListener("resize", place);
      removeEventListener("scroll", place, true);
    };
  }, [anchor, width]);
  return (
    <div {...rest} ref={box} popover="manual" className={`popover ${className ?? ""}`}>
      {children}
    </div>
  );
}
