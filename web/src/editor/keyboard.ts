/** The keys of the editor. They are none while somebody types in a field. */

import { useEffect } from "react";
import { keepFocus, keyTarget, targetOf, tree } from "../base/place";
import {
  copySelection,
  defaultWish,
  deleteSelection,
  duplicateSelection,
  groupSelection,
  pasteText,
  selectAll,
  tidyUp,
  toggleSelection,
} from "./commands";
import type { FocusFollower } from "./focused";
import { followFocus } from "./focused";
import type { EditorStore } from "./store";
import { NOTHING } from "./store";

/** Keys that change the document: they are none for whoever may only look. */
const EDITING: ReadonlySet<string> = new Set(["Delete", "Backspace", "a", "+", "c", "d", "g", "t"]);
const EDITING_WITH_CONTROL: ReadonlySet<string> = new Set(["z", "y", "d"]);
/** Keys that are about one step, which may be the one with the focus. */
const OF_A_STEP: ReadonlySet<string> = new Set(["Delete", "Backspace", "a", "+", "c", "d", "g"]);

export interface KeyActions {
  readonly find: () => void;
  readonly help: () => void;
  readonly save: () => void;
  readonly connect: () => void;
}

export function useEditorKeys(store: EditorStore, actions: KeyActions): void {
  useEffect(() => {
    const focus = followFocus(store);
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || isDialogOpen()) return;
      selectFocused(event, focus);
      const isHandled =
        event.ctrlKey || event.metaKey
          ? withControl(event, store, actions)
          : isTyping(event) || isForPanel(event)
            ? event.key === "Escape" && did(() => escape(store))
            : alone(event, store, actions);
      if (!isHandled) return;
      event.preventDefault();
      requestAnimationFrame(keepFocus);
    };
    const onCopy = (event: ClipboardEvent): void => {
      if (isTyping(event) || isDialogOpen() || String(getSelection() ?? "") !== "") return;
      focus.select();
      const text = copySelection(store);
      if (text === undefined) return;
      event.clipboardData?.setData("text/plain", text);
      event.preventDefault();
      if (event.type === "cut" && !store.getState().isReadOnly) deleteSelection(store);
    };
    const onPaste = (event: ClipboardEvent): void => {
      if (isTyping(event) || isDialogOpen() || store.getState().isReadOnly) return;
      pasteText(store, event.clipboardData?.getData("text/plain") ?? "");
      event.preventDefault();
    };
    // React Flow would also select nothing, when the first Escape is to close the panel only.
    const onCanvasKey = (event: KeyboardEvent): void => {
      const target = targetOf(event);
      const isOnCanvas = target instanceof Element && target.matches(".react-flow__node, .react-flow__edge");
      if (!isOnCanvas || isDialogOpen()) return;
      // The canvas moves what is selected.
      if (event.key.startsWith("Arrow")) focus.select();
      if (event.key !== "Escape") return;
      escape(store);
      event.preventDefault();
      event.stopPropagation();
    };
    const place = keyTarget();
    const listeners: readonly (readonly [string, (event: never) => void, boolean])[] = [
      ["keydown", onCanvasKey, true],
      ["keydown", onKeyDown, false],
      ["copy", onCopy, false],
      ["cut", onCopy, false],
      ["paste", onPaste, false],
    ];
    for (const [type, listener, capture] of listeners)
      place.addEventListener(type, listener as EventListener, { capture });
    return () => {
      focus.stop();
      for (const [type, listener, capture] of listeners)
        place.removeEventListener(type, listener as EventListener, { capture });
    };
  }, [store, actions]);
}

function isTyping(event: Event): boolean {
  const target = targetOf(event);
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

/** Whether a key that changes the drawing was pressed on a button of a form: who goes on typing there means no step. */
function isForPanel(event: KeyboardEvent): boolean {
  const target = targetOf(event);
  return EDITING.has(event.key) && target instanceof Element && target.closest("[data-testid=config]") !== null;
}

function isDialogOpen(): boolean {
  return tree().querySelector("dialog[open]") !== null;
}

function selectFocused(event: KeyboardEvent, focus: FocusFollower): void {
  const isOfAStep = event.ctrlKey || event.metaKey ? event.key.toLowerCase() === "d" : OF_A_STEP.has(event.key);
  if (isOfAStep && !isTyping(event) && !isForPanel(event)) focus.select();
}

function withControl(event: KeyboardEvent, store: EditorStore, actions: KeyActions): boolean {
  const key = event.key.toLowerCase();
  if (key === "s") return did(actions.save);
  if (key === "f") return did(actions.find);
  const state = store.getState();
  if (isTyping(event) || (state.isReadOnly && EDITING_WITH_CONTROL.has(key))) return false;
  if (key === "z") return did(event.shiftKey ? state.redo : state.undo);
  if (key === "y") return did(state.redo);
  if (key === "d") return did(() => duplicateSelection(store));
  if (key === "a") return did(() => selectAll(store));
  return false;
}

function alone(event: KeyboardEvent, store: EditorStore, actions: KeyActions): boolean {
  const state = store.getState();
  if (state.isReadOnly && EDITING.has(event.key)) return false;
  switch (event.key) {
    case "Delete":
    case "Backspace":
      return did(() => deleteSelection(store));
    case "a":
    case "+":
      return did(() => state.want(defaultWish(store)));
    case "c":
      return did(actions.connect);
    case "d":
      return did(() => toggleSelection(store));
    case "g":
      return did(() => groupSelection(store));
    case "t":
      return did(() => tidyUp(store));
    case "f":
      return did(() => state.canvas?.fit());
    case "?":
      return did(actions.help);
    case "Enter":
      return openFocused(event, store);
    case "Escape":
      return did(() => escape(store));
    default:
      return false;
  }
}

function did(action: () => void): true {
  action();
  return true;
}

/** Opens the panel for the node or edge that has the focus, and goes into it. */
function openFocused(event: KeyboardEvent, store: EditorStore): boolean {
  const target = targetOf(event);
  const element = target instanceof Element ? target : undefined;
  const node = element?.matches(".react-flow__node") === true ? element.getAttribute("data-id") : null;
  const edge = element?.matches(".react-flow__edge") === true ? element.getAttribute("data-id") : null;
  if (node !== null) store.getState().selectAction(node);
  else if (edge !== null) store.getState().selectEdge(edge);
  else return false;
  requestAnimationFrame(() =>
    tree().querySelector<HTMLElement>("[data-testid=config] input, [data-testid=config] select")?.focus(),
  );
  return true;
}

/** Closes the panel and gives the focus back to its node; without a panel selects nothing. */
function escape(store: EditorStore): void {
  const { panel, show, select, selection } = store.getState();
  if (panel === "none") return select(NOTHING);
  show("none");
  const [id] = [...selection.actions, ...selection.edges];
  if (id !== undefined)
    tree()
      .querySelector<HTMLElement>(`.react-flow [data-id="${CSS.escape(id)}"]`)
      ?.focus();
  return undefined;
}
