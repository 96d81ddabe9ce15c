/**
 * References of a text as chips. The text is what it was: a chip is only drawn in the place of its reference, and one
 * into which the cursor was brought is read, and written, as code.
 */

import type { Extension } from "@codemirror/state";
import { Prec, StateEffect } from "@codemirror/state";
import type { DecorationSet, PluginValue, ViewUpdate } from "@codemirror/view";
import { Decoration, Direction, EditorView, ViewPlugin, keymap } from "@codemirror/view";
import { findReferences } from "../document/references";
import { direction } from "../locale/locale";
import { chipKeys, close, isInside, open } from "./chipKeys";
import type { Chip } from "./chips";
import { chipsOf } from "./chips";
import { CHIP_CLASS, ChipWidget } from "./chipWidget";
import type { Variables } from "./variables";
import { pathProblem } from "./wrongPaths";

/** Something that chips show has changed: the title of a step, what comes before this one. */
export const variablesChanged = StateEffect.define();

/** What is in a text. */
interface Drawn {
  readonly chips: readonly Chip[];
  /** The chips that are closed: nothing but all of one can be selected. */
  readonly closed: DecorationSet;
  /** References that are read as code, in the direction of code. */
  readonly code: DecorationSet;
  /** Chips do not take part in the order of the text around them, whatever their references are made of. */
  readonly isolates: DecorationSet;
}

export function referenceChips(variables: () => Variables): Extension {
  const plugin = ViewPlugin.define((view) => new ChipPlugin(view, variables), {
    provide: (self) => [
      EditorView.decorations.of((view) => view.plugin(self)?.drawn.closed ?? Decoration.none),
      EditorView.decorations.of((view) => view.plugin(self)?.drawn.code ?? Decoration.none),
      EditorView.atomicRanges.of((view) => view.plugin(self)?.drawn.closed ?? Decoration.none),
      EditorView.bidiIsolatedRanges.of((view) => view.plugin(self)?.drawn.isolates ?? Decoration.none),
    ],
  });
  const chipsIn = (view: EditorView): readonly Chip[] => view.plugin(plugin)?.drawn.chips ?? [];
  return [
    plugin,
    Prec.high(keymap.of(chipKeys(chipsIn))),
    EditorView.domEventHandlers({
      mousedown: (event, view) => openClicked(event, view, chipsIn(view)),
      blur: (_, view) => void (view.dom.isConnected && close(chipsIn)(view)),
    }),
  ];
}

class ChipPlugin implements PluginValue {
  drawn: Drawn;
  private chips: readonly Chip[];

  constructor(
    view: EditorView,
    private readonly variables: () => Variables,
  ) {
    this.chips = chipsOf(view.state.doc.toString(), variables());
    this.drawn = this.draw(view);
  }

  update({ view, docChanged, selectionSet, transactions }: ViewUpdate): void {
    const isRead = docChanged || transactions.some(({ effects }) => effects.some((each) => each.is(variablesChanged)));
    if (isRead) this.chips = chipsOf(view.state.doc.toString(), this.variables());
    if (isRead || selectionSet) this.drawn = this.draw(view);
  }

  private draw({ state }: EditorView): Drawn {
    const text = state.doc.toString();
    const { ranges } = state.selection;
    const { chips } = this;
    const closed = chips.filter((chip) => !ranges.some((range) => isInside(range, chip)));
    const widgets = closed.map((chip) => {
      const isSelected = ranges.some((range) => range.from <= chip.start && chip.end <= range.to);
      const widget = new ChipWidget(chip, text.slice(chip.start, chip.end), isSelected);
      return Decoration.replace({ widget }).range(chip.start, chip.end);
    });
    const code = findReferences(text)
      .filter(({ start }) => !closed.some((chip) => chip.start === start))
      .map(({ start, end, path }) => codeMark(pathProblem(path, this.variables())).range(start, end));
    const isolate = Decoration.mark({ bidiIsolate: direction() === "rtl" ? Direction.RTL : Direction.LTR });
    const isolates = [...closed.map(({ start, end }) => isolate.range(start, end)), ...code];
    return {
      chips,
      closed: Decoration.set(widgets),
      code: Decoration.set(code),
      isolates: Decoration.set(isolates, true),
    };
  }
}

/** A reference that is read as code: one that leads nowhere is underlined, with the reason. */
function codeMark(problem: string | undefined): Decoration {
  const look =
    problem === undefined
      ? { class: "reference" }
      : { class: "reference reference-broken", attributes: { title: problem } };
  return Decoration.mark({ ...look, bidiIsolate: Direction.LTR });
}

function openClicked(event: MouseEvent, view: EditorView, chips: readonly Chip[]): boolean {
  const element = event.target instanceof Element ? event.target.closest<HTMLElement>(`.${CHIP_CLASS}`) : null;
  if (element === null || event.button !== 0 || event.shiftKey) return false;
  const place = view.posAtDOM(element);
  const chip = chips.find(({ start, end }) => start <= place && place < end);
  if (chip === undefined) return false;
  event.preventDefault();
  view.focus();
  return open(view, chip);
}
