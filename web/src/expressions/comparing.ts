/** Comparisons by size that can hardly be meant: of texts, letter by letter. */

import type { Json } from "../base/json";
import { findReferences, isReference } from "../document/references";
import type { OperatorName, Rule } from "./logic";
import { follow, readPath } from "./paths";
import type { Variables } from "./variables";

const BY_SIZE: ReadonlySet<OperatorName> = new Set(["greater", "atLeast", "less", "atMost"]);
/** Dates are in order as texts, too: "2026-01-31", "2026-01-31T09:00:00Z". */
const MOMENT = /^\d{4}-\d{2}-\d{2}(T.*)?$/;

/** The text of a row that is compared by its size and is no number; `undefined` if there is none. */
export function textBySize({ left, operator, right }: Rule, variables: Variables | undefined): string | undefined {
  if (!BY_SIZE.has(operator)) return undefined;
  return [left, right].find((side): side is string => isText(side, variables));
}

function isText(side: Json, variables: Variables | undefined): boolean {
  if (typeof side !== "string" || side.trim() === "") return false;
  if (isReference(side)) {
    const steps = readPath(findReferences(side)[0]?.path ?? "");
    const sample = steps === undefined || variables === undefined ? undefined : follow(variables.values, steps);
    return typeof sample === "string" && isNoNumber(sample);
  }
  return findReferences(side).length === 0 && isNoNumber(side);
}

function isNoNumber(text: string): boolean {
  return text.trim() === "" || (!Number.isFinite(Number(text)) && !MOMENT.test(text.trim()));
}
