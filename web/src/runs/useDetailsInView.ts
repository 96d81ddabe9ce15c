import type { RefObject } from "react";
import { useEffect, useRef } from "react";
import { isNarrow, isStill } from "../base/place";
import { focusStep } from "../editor/focused";

/**
 * Where the details stand below everything else, out of sight, those of a step, or of the trigger, come into view as soon as it is opened,
 * with the focus on its name. When they are closed, the focus, and the view with it, goes back to where they were
 * opened. `isDrawn` is whether the graph above them, which moves them down, is there.
 */
export function useDetailsInView(side: RefObject<HTMLElement | null>, id: string | undefined, isDrawn: boolean): void {
  const opened = useRef<{ readonly id: string; readonly by: Element | null }>(undefined);
  useEffect(() => {
    const element = side.current;
    const last = opened.current;
    if (element === null || !isNarrow()) return;
    if (id === undefined) {
      opened.current = undefined;
      if (last?.by instanceof HTMLElement && last.by.isConnected) last.by.focus();
      else if (last !== undefined) focusStep(last.id);
      return;
    }
    if (id !== last?.id) {
      const focused = document.activeElement;
      const isElsewhere = focused !== document.body && !element.contains(focused);
      opened.current = { id, by: isElsewhere ? focused : null };
      element.querySelector("h2")?.focus({ preventScroll: true });
    }
    element.scrollIntoView({ block: "start", behavior: isStill() ? "auto" : "smooth" });
  }, [side, id, isDrawn]);
}
