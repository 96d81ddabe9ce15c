/** Looking for a text in a JSON value. Pure. */

import type { Json, Path } from "../base/json";
import { isList, isObject } from "../base/json";

export interface Place {
  readonly path: Path;
  readonly value: Json;
}

export interface Places {
  readonly places: readonly Place[];
  /** Whether the search ended before it had looked at everything. */
  readonly isCut: boolean;
}

/** Places that are listed, and values that are looked at. */
const MOST_PLACES = 200;
const MOST_VALUES = 2_000_000;

/** Where a name or a simple value contains a text, whatever its case: in order, outer ones first. */
export function findText(value: Json, text: string): Places {
  const wanted = text.toLowerCase();
  const places: Place[] = [];
  // A stack of its own, last first: a value may be nested deeper than a browser can recurse.
  const pending: Place[] = [{ path: [], value }];
  let left = MOST_VALUES;
  for (let here = pending.pop(); here !== undefined; here = pending.pop()) {
    left -= 1;
    if (left < 0 || places.length === MOST_PLACES) return { places, isCut: true };
    if (isMatch(here, wanted)) places.push(here);
    const { path, value: inner } = here;
    if (isList(inner))
      for (let index = inner.length - 1; index >= 0; index -= 1)
        pending.push({ path: [...path, index], value: inner[index] ?? null });
    else if (isObject(inner))
      for (const [name, each] of Object.entries(inner).toReversed())
        pending.push({ path: [...path, name], value: each });
  }
  return { places, isCut: false };
}

function isMatch({ path, value }: Place, wanted: string): boolean {
  const name = path.at(-1);
  if (typeof name === "string" && name.toLowerCase().includes(wanted)) return true;
  if (isList(value) || isObject(value)) return false;
  return String(value).toLowerCase().includes(wanted);
}
