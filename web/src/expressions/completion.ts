/** Completion of references: what is offered after `!ref($.st`. */

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { summary } from "../base/json";
import { writePath, writeReference } from "../document/references";
import type { Variables } from "./variables";
import { flatten } from "./variables";

export function completeReference(context: CompletionContext, variables: Variables): CompletionResult | null {
  const inside = context.matchBefore(/!ref\([^()]*/);
  if (inside !== null)
    return { from: inside.from + "!ref(".length, options: options(variables, writePath), validFor: /^[^()]*$/ };
  const opening = context.matchBefore(/!(?:r|re|ref)?|\{\{\w*/);
  if (opening === null && !context.explicit) return null;
  return { from: opening?.from ?? context.pos, options: options(variables, writeReference), filter: opening === null };
}

function options(variables: Variables, write: (path: readonly (string | number)[]) => string): Completion[] {
  return flatten(variables.roots).map((variable) => ({
    label: write(variable.path),
    detail: variable.sample === undefined ? variable.type : summary(variable.sample, 28),
  }));
}
