/** Which step or connection keys are about: what is selected, or what has got the focus since. */

import { flushSync } from "react-dom";
import { keyTarget, targetOf, tree } from "../base/place";
import { nodeIds } from "../canvas/geometry";
import { graphAt } from "../document/scope";
import type { EditorStore, Selection } from "./store";

export interface FocusFollower {
  /** Selects what has the focus, where somebody has gone there after the last change of the selection. */
  readonly select: () => void;
  readonly stop: () => void;
}

export function followFocus(store: EditorStore): FocusFollower {
  let last: string | null = null;
  let isNew = false;
  const onFocus = (event: Event): void => {
    const target = targetOf(event);
    // A dialog that is closed gives the focus back: nobody has gone anywhere.
    if (!(target instanceof Element) || target.closest("dialog") !== null) return;
    const id = partOf(target)?.getAttribute("data-id") ?? null;
    if (id !== last) isNew = true;
    last = id;
  };
  const place = keyTarget();
  place.addEventListener("focusin", onFocus);
  const unsubscribe = store.subscribe((state, before) => {
    if (state.selection !== before.selection) isNew = false;
  });
  return {
    select: () => {
      const { selection, select, panel } = store.getState();
      const wanted = selectionOf(store, partOf(tree().activeElement));
      const isEmpty = selection.actions.size + selection.edges.size === 0;
      if (wanted === undefined || !(isNew || isEmpty) || includes(selection, wanted)) return;
      // At once: the canvas looks at the selection when it gets the same key.
      flushSync(() => select(wanted, panel));
    },
    stop: () => {
      place.removeEventListener("focusin", onFocus);
      unsubscribe();
    },
  };
}

function partOf(element: Element | null): Element | null {
  return element?.closest(".react-flow__node, .react-flow__edge") ?? null;
}

function selectionOf(store: EditorStore, part: Element | null): Selection | undefined {
  const id = part?.getAttribute("data-id") ?? "";
  if (part?.matches(".react-flow__edge") === true) return { actions: new Set(), edges: new Set([id]) };
  const { history, scope } = store.getState();
  // Notes and frames are no steps.
  return nodeIds(graphAt(history.present, scope)).includes(id)
    ? { actions: new Set([id]), edges: new Set() }
    : undefined;
}

function includes(selection: Selection, { actions, edges }: Selection): boolean {
  return [...actions].every((id) => selection.actions.has(id)) && [...edges].every((id) => selection.edges.has(id));
}

/** Puts the focus on a step as soon as it is drawn. */
export function focusStep(id: string, frames = 30): void {
  const element = tree().querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(id)}"]`);
  if (element !== null) element.focus({ preventScroll: true });
  else if (frames > 0) requestAnimationFrame(() => focusStep(id, frames - 1));
}
