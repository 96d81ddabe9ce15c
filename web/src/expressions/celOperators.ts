/** What rows of an expression may say, and how it is written. */

import type { Json } from "../base/json";
import { isObject } from "../base/json";
import type * as rows from "./rows";

export type Rule = rows.Rule<CelOperator>;
export type RuleGroup = rows.RuleGroup<CelOperator>;

export type CelOperator =
  | "equals"
  | "differs"
  | "greater"
  | "atLeast"
  | "less"
  | "atMost"
  | "contains"
  | "containsNot"
  | "starts"
  | "ends"
  | "matches"
  | "oneOf"
  | "noneOf"
  | "includes"
  | "includesNot"
  | "after"
  | "before"
  | "empty"
  | "filled"
  | "missing"
  | "present"
  | "holds"
  | "fails";

/** How an operator is written: `$` stands for the place, `?` for what it is compared with. */
interface Written extends rows.Operator {
  readonly form: string;
}

export const CEL_OPERATORS: Readonly<Record<CelOperator, Written>> = {
  equals: { label: "equals", hasValue: true, form: "$ == ?" },
  differs: { label: "is not", hasValue: true, form: "$ != ?" },
  greater: { label: "is more than", hasValue: true, form: "$ > ?" },
  atLeast: { label: "is at least", hasValue: true, form: "$ >= ?" },
  less: { label: "is less than", hasValue: true, form: "$ < ?" },
  atMost: { label: "is at most", hasValue: true, form: "$ <= ?" },
  contains: { label: "contains", hasValue: true, form: "$.contains(?)" },
  containsNot: { label: "does not contain", hasValue: true, form: "!$.contains(?)" },
  starts: { label: "begins with", hasValue: true, form: "$.startsWith(?)" },
  ends: { label: "ends with", hasValue: true, form: "$.endsWith(?)" },
  matches: { label: "matches the pattern", hasValue: true, form: "$.matches(?)" },
  oneOf: { label: "is one of", hasValue: true, form: "$ in ?" },
  noneOf: { label: "is none of", hasValue: true, form: "!($ in ?)" },
  includes: { label: "has the entry", hasValue: true, form: "? in $" },
  includesNot: { label: "does not have the entry", hasValue: true, form: "!(? in $)" },
  after: { label: "is after", hasValue: true, form: "date($) > date(?)" },
  before: { label: "is before", hasValue: true, form: "date($) < date(?)" },
  empty: { label: "is empty", hasValue: false, form: "size($) == 0" },
  filled: { label: "is not empty", hasValue: false, form: "size($) > 0" },
  missing: { label: "is missing", hasValue: false, form: "$ == null" },
  present: { label: "is there", hasValue: false, form: "$ != null" },
  holds: { label: "is set and not 0", hasValue: false, form: "$" },
  fails: { label: "is empty or 0", hasValue: false, form: "!$" },
};
const LISTS: ReadonlySet<string> = new Set<CelOperator>(["oneOf", "noneOf"]);
const MOMENTS: ReadonlySet<string> = new Set<CelOperator>(["after", "before"]);
/** What `date()` of the engine reads of the texts that people write; it knows years from 1 to 9999. */
const MOMENT =
  /^(?!000[01])(\d{4}-\d{2}-\d{2})([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?(Z|[+-]([01]\d|2[0-3]):?[0-5]\d)?)?$/;

export function takesList(operator: string): boolean {
  return LISTS.has(operator);
}

export function takesMoment(operator: string): boolean {
  return MOMENTS.has(operator);
}

/** Whether a right side is a place; a left one always is, as its text. */
export function isPlace(value: Json): value is { readonly path: string } {
  return isObject(value) && typeof value.path === "string";
}

export function isMoment(value: Json): boolean {
  const day = typeof value === "string" ? MOMENT.exec(value)?.[1] : undefined;
  if (day === undefined) return false;
  // The browser takes a 30th of February for a 2nd of March.
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}
