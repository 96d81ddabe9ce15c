/** What has changed between two JSON values, as a JSON Patch (RFC 6902). */

import type { Json, Path } from "../base/json";
import { isEqual, isList, isObject, toPointer } from "../base/json";

export type PatchOperation =
  | { readonly op: "add" | "replace"; readonly path: string; readonly value: Json }
  | { readonly op: "remove"; readonly path: string };

/** What makes `after` out of `before`; nothing if they are equal. The way back is `patchBetween(after, before)`. */
export function patchBetween(before: Json, after: Json): readonly PatchOperation[] {
  return between([], before, after);
}

function between(path: Path, before: Json, after: Json): PatchOperation[] {
  if (isEqual(before, after)) return [];
  if (isList(before) && isList(after)) return betweenLists(path, before, after);
  if (!isObject(before) || !isObject(after)) return [{ op: "replace", path: toPointer(path), value: after }];
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  return [
    ...gone.map((key): PatchOperation => ({ op: "remove", path: toPointer([...path, key]) })),
    ...Object.entries(after).flatMap(([key, value]): PatchOperation[] => {
      const here = [...path, key];
      const old = Object.hasOwn(before, key) ? before[key] : undefined;
      return old === undefined ? [{ op: "add", path: toPointer(here), value }] : between(here, old, value);
    }),
  ];
}

/** Lists differ between what they begin and what they end with: the rest is compared place by place. */
function betweenLists(path: Path, before: readonly Json[], after: readonly Json[]): PatchOperation[] {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && isEqual(before[start], after[start])) start += 1;
  let end = 0;
  while (end < shorter - start && isEqual(before.at(-1 - end), after.at(-1 - end))) end += 1;
  const old = before.slice(start, before.length - end);
  const fresh = after.slice(start, after.length - end);
  const common = Math.min(old.length, fresh.length);
  const place = (index: number): string => toPointer([...path, start + index]);
  const changed = old
    .slice(0, common)
    .flatMap((item, index) => between([...path, start + index], item, fresh[index] ?? null));
  // What goes, goes from behind: the places of the others stay.
  const removed = old.slice(common).map((_, index): PatchOperation => ({ op: "remove", path: place(common + index) }));
  const added = fresh
    .slice(common)
    .map((value, index): PatchOperation => ({ op: "add", path: place(common + index), value }));
  return [...changed, ...removed.toReversed(), ...added];
}
