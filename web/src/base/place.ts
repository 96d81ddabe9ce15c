/**
 * Where on the page the editor lives: in all of it, or in the shadow of an element of somebody else's page. What looks
 * for elements, listens to keys or asks for the focus has to do it there.
 */

interface Place {
  /** Where elements are found and have the focus. */
  readonly tree: Document | ShadowRoot;
  /** What keys, and copying and pasting, are listened to at: in a host's page only those pressed inside the editor. */
  readonly keys: Document | HTMLElement;
  /** The room that there is, in pixels. */
  readonly width: () => number;
}

let place: Place = { tree: document, keys: document, width: () => innerWidth };

/** Moves into the shadow of an element; `container` is its outermost element, which can have the focus. */
export function moveInto(shadow: ShadowRoot, container: HTMLElement): void {
  place = { tree: shadow, keys: container, width: () => container.clientWidth };
}

export function tree(): Document | ShadowRoot {
  return place.tree;
}

export function keyTarget(): Document | HTMLElement {
  return place.keys;
}

/**
 * Brings the focus back after a key was pressed, where the element that had it is gone: keys of a host's page are none
 * of ours, so the next one would do nothing.
 */
export function keepFocus(): void {
  const { keys, tree: within } = place;
  if (keys instanceof HTMLElement && within.activeElement === null && document.activeElement === document.body)
    keys.focus({ preventScroll: true });
}

/** Whether the page is ours, and not that of a host. */
export function isWholePage(): boolean {
  return place.tree === document;
}

export function roomWidth(): number {
  return place.width();
}

/** Whether panels lie over what is beside them elsewhere, as in the style sheets. */
export function isNarrow(): boolean {
  return roomWidth() <= 1024;
}

/** Whether somebody has asked that nothing glides. */
export function isStill(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** What an event is about, also for those who listen outside of the shadow. */
export function targetOf(event: Event): EventTarget | null {
  return event.composedPath()[0] ?? event.target;
}

/** Whether an event happened inside of an element. */
export function isInside(event: Event, element: Element | null | undefined): boolean {
  return element !== null && element !== undefined && event.composedPath().includes(element);
}
