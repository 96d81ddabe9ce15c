/** Reading and following the simple paths of references: names, indexes, and all entries of a list. */

import type { Json } from "../base/json";
import { isList, isObject } from "../base/json";

export type Step = string | number | typeof ALL;

/** All entries: `[*]`. */
export const ALL = Symbol("all");

const STEP = /^(?:\.([^.[\]()'"\s]+)|\[(-?\d+)\]|\[(\*)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\])/;

/** The steps of a path; `undefined` for one with filters, slices or a descent, which only the engine can follow. */
export function readPath(path: string): readonly Step[] | undefined {
  if (!path.startsWith("$")) return undefined;
  const steps: Step[] = [];
  let rest = path.slice(1);
  while (rest !== "") {
    const found = STEP.exec(rest);
    if (found === null) return undefined;
    const [text, name, index, all, single, double] = found;
    if (index !== undefined) steps.push(Number(index));
    else if (all !== undefined || name === "*") steps.push(ALL);
    else steps.push(name ?? (single ?? double ?? "").replaceAll(/\\(.)/g, "$1"));
    rest = rest.slice(text.length);
  }
  return steps;
}

/** What a path leads to; a list, if it may lead to several values. `undefined` if there is nothing. */
export function follow(value: Json | undefined, steps: readonly Step[]): Json | undefined {
  const [step, ...rest] = steps;
  if (step === undefined || value === undefined) return value;
  if (step === ALL) {
    const entries = isList(value) ? value : isObject(value) ? Object.values(value) : [];
    return entries.map((entry) => follow(entry, rest)).filter((entry) => entry !== undefined);
  }
  if (isList(value) && typeof step === "number") return follow(value.at(step), rest);
  if (isObject(value) && Object.hasOwn(value, step)) return follow(value[step], rest);
  return undefined;
}
