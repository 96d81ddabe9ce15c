/** The keys of chips: arrows select them, Enter opens one as code, Escape closes it. */

import type { SelectionRange } from "@codemirror/state";
import { EditorSelection, StateEffect, findClusterBreak } from "@codemirror/state";
import type { Command, KeyBinding } from "@codemirror/view";
import { Direction, EditorView } from "@codemirror/view";
import { t } from "../locale/locale";
import type { Chip } from "./chips";
import { chipName } from "./chipWidget";

type ChipsIn = (view: EditorView) => readonly Chip[];

export function chipKeys(chipsIn: ChipsIn): readonly KeyBinding[] {
  return [
    ...arrow(chipsIn, "ArrowLeft", false),
    ...arrow(chipsIn, "ArrowRight", true),
    { key: "Enter", run: openSelected(chipsIn) },
    { key: "F2", run: openBeside(chipsIn) },
    { key: "Escape", run: close(chipsIn), stopPropagation: true },
  ];
}

function arrow(chipsIn: ChipsIn, key: string, isRight: boolean): readonly KeyBinding[] {
  const word = (isSelecting: boolean): Command => goAsRead(chipsIn, isRight, isSelecting, nextWord);
  return [
    { key, run: goOver(chipsIn, isRight), shift: goAsRead(chipsIn, isRight, true, next) },
    { key: `Mod-${key}`, mac: `Alt-${key}`, run: word(false), shift: word(true) },
  ];
}

/** Whether a selection begins or ends within the reference of a chip: then it is code. */
export function isInside({ anchor, head }: SelectionRange, { start, end }: Chip): boolean {
  return [anchor, head].some((place) => start < place && place < end);
}

/** An arrow selects the chip that it leads over; the next one leads out of it. */
function goOver(chipsIn: ChipsIn, isRight: boolean): Command {
  return (view) => {
    const { main, ranges } = view.state.selection;
    if (ranges.length > 1 || (!main.empty && selectedChip(view, chipsIn) === undefined)) return false;
    const isForward = leadsForward(view, isRight);
    const from = main.empty ? main : EditorSelection.cursor(main.anchor);
    const there = next(view, from, isForward, chipsIn);
    if (!main.empty) {
      // Its other end, from wherever it was come to.
      view.dispatch({ selection: there.head === main.head ? there : from, scrollIntoView: true, userEvent: "select" });
      return true;
    }
    const selection = EditorSelection.range(main.head, there.head);
    const chip = chipsIn(view).find(({ start, end }) => start === selection.from && end === selection.to);
    if (chip === undefined && (isInOrderOfSight(view) || chipsIn(view).length === 0)) return false;
    view.dispatch({
      selection: chip === undefined ? there : selection,
      effects: chip === undefined ? [] : announcement(chip),
      scrollIntoView: true,
      userEvent: "select",
    });
    return true;
  };
}

function announcement(chip: Chip): StateEffect<string> {
  return EditorView.announce.of(t("{reference}. Enter opens it as code.", { reference: chipName(chip) }));
}

function leadsForward(view: EditorView, isRight: boolean): boolean {
  return isRight === isInOrderOfSight(view);
}

/**
 * Whether the editor finds its way through a line in the order in which it is seen. In lines from right to left it goes
 * around in circles between chips and words of the other direction: there the order in which they are read is taken.
 */
function isInOrderOfSight(view: EditorView): boolean {
  return view.textDirection === Direction.LTR;
}

type Going = (view: EditorView, from: SelectionRange, isForward: boolean, chipsIn: ChipsIn) => SelectionRange;

/** Goes on in the order of reading, where the editor cannot in that of sight. */
function goAsRead(chipsIn: ChipsIn, isRight: boolean, isSelecting: boolean, go: Going): Command {
  return (view) => {
    const { main, ranges } = view.state.selection;
    if (ranges.length > 1 || isInOrderOfSight(view) || chipsIn(view).length === 0) return false;
    const { head } = go(view, EditorSelection.cursor(main.head), leadsForward(view, isRight), chipsIn);
    const selection = EditorSelection.range(isSelecting ? main.anchor : head, head);
    view.dispatch({ selection, scrollIntoView: true, userEvent: "select" });
    return true;
  };
}

const next: Going = (view, from, isForward, chipsIn) => {
  if (isInOrderOfSight(view)) return view.moveByChar(from, isForward);
  const { head } = from;
  const chip = chipsIn(view).find(({ start, end }) => (isForward ? start : end) === head);
  if (chip !== undefined) return EditorSelection.cursor(isForward ? chip.end : chip.start);
  const line = view.state.doc.lineAt(head);
  const isAtEnd = head === (isForward ? line.to : line.from);
  const place = isAtEnd
    ? head + (isForward ? 1 : -1)
    : line.from + findClusterBreak(line.text, head - line.from, isForward);
  return EditorSelection.cursor(Math.max(0, Math.min(view.state.doc.length, place)));
};

/** Behind a word; a chip belongs to the word that it touches. */
const nextWord: Going = (view, from, isForward, chipsIn) => {
  let here = from;
  for (let isInWord = false; ;) {
    const there = next(view, here, isForward, chipsIn);
    const [start, end] = here.head < there.head ? [here.head, there.head] : [there.head, here.head];
    const isGap = view.state.sliceDoc(start, end).trim() === "";
    if (start === end || (isGap && isInWord)) return here;
    isInWord ||= !isGap;
    here = there;
  }
};

function selectedChip(view: EditorView, chipsIn: ChipsIn): Chip | undefined {
  const { from, to } = view.state.selection.main;
  return chipsIn(view).find(({ start, end }) => start === from && end === to);
}

function openSelected(chipsIn: ChipsIn): Command {
  return (view) => {
    const chip = selectedChip(view, chipsIn);
    return chip !== undefined && open(view, chip);
  };
}

/** Opens what is selected, or else what stands beside the cursor. */
function openBeside(chipsIn: ChipsIn): Command {
  return (view) => {
    const { head, empty } = view.state.selection.main;
    const chip =
      selectedChip(view, chipsIn) ??
      (empty ? chipsIn(view).find(({ start, end }) => start === head || end === head) : undefined);
    return chip !== undefined && open(view, chip);
  };
}

/** With the cursor before the last parenthesis: where a path is gone on with. */
export function open(view: EditorView, chip: Chip): boolean {
  if (view.state.readOnly) return false;
  view.dispatch({ selection: { anchor: chip.end - 1 }, scrollIntoView: true, userEvent: "select" });
  return true;
}

/** Brings the cursor out of a reference that is open: behind it. */
export function close(chipsIn: ChipsIn): Command {
  return (view) => {
    const { main } = view.state.selection;
    const chip = chipsIn(view).find((each) => isInside(main, each));
    if (chip === undefined) return false;
    view.dispatch({ selection: { anchor: chip.end }, userEvent: "select" });
    return true;
  };
}
