/** Completion of references: what is offered after `!ref($.st`. */

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { pickedCompletion } from "@codemirror/autocomplete";
import type { EditorView } from "@codemirror/view";
import { summary } from "../base/json";
import { writePath, writeReference } from "../document/references";
import type { Variable, Variables } from "./variables";
import { flatten } from "./variables";

export function completeReference(context: CompletionContext, variables: Variables): CompletionResult | null {
  const inside = context.matchBefore(/!ref\([^()]*/);
  if (inside !== null) return { from: inside.from + "!ref(".length, options: paths(variables), validFor: /^[^()]*$/ };
  const opening = context.matchBefore(/!(?:r|re|ref)?|\{\{\w*/);
  if (opening === null && !context.explicit) return null;
  return { from: opening?.from ?? context.pos, options: references(variables), filter: opening === null };
}

function references({ roots }: Variables): Completion[] {
  return flatten(roots).map((variable) => ({ label: writeReference(variable.path), detail: detailOf(variable) }));
}

function paths({ roots }: Variables): Completion[] {
  return flatten(roots).map((variable) => ({
    label: writePath(variable.path),
    detail: detailOf(variable),
    // There is nothing to go on with: the reference is done.
    ...(variable.children.length === 0 ? { apply: applyAndLeave } : {}),
  }));
}

function detailOf({ sample, type }: Variable): string {
  return sample === undefined ? type : summary(sample, 28);
}

/** Puts the path between the parentheses, and the cursor behind them. */
function applyAndLeave(view: EditorView, completion: Completion, from: number, to: number): void {
  const insert = `${completion.label})`;
  const isClosed = view.state.sliceDoc(to, to + 1) === ")";
  view.dispatch({
    changes: { from, to: isClosed ? to + 1 : to, insert },
    selection: { anchor: from + insert.length },
    userEvent: "input.complete",
    annotations: pickedCompletion.of(completion),
  });
}
