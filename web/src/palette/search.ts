/** Finding actions: by name first, then by kind, category and description. */

import { groupBy } from "../base/lists";
import type { Kind } from "../editor/catalogue";
import { t } from "../locale/locale";

export interface Group {
  readonly category: string;
  readonly kinds: readonly Kind[];
}

/** The actions in which every word of a query occurs, best ones first; all, for an empty query. */
export function searchKinds(kinds: readonly Kind[], query: string): readonly Kind[] {
  const words = query
    .trim()
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  if (words.length === 0) return kinds;
  const ranked = kinds.flatMap((kind) => {
    const ranks = words.map((word) => rank(kind, word));
    return ranks.includes(Infinity) ? [] : [{ kind, rank: Math.max(...ranks) }];
  });
  return ranked.toSorted((left, right) => left.rank - right.rank).map(({ kind }) => kind);
}

function rank({ action, category }: Kind, word: string): number {
  const name = action.name.toLowerCase();
  if (name.startsWith(word)) return 0;
  if (name.includes(word)) return 1;
  if (action.kind.toLowerCase().includes(word)) return 2;
  if (category.toLowerCase().includes(word)) return 3;
  return action.description.toLowerCase().includes(word) ? 4 : Infinity;
}

/** The actions by category, in order of the categories' names; the ones used last come first, as a group of their own. */
export function groupKinds(kinds: readonly Kind[], recent: readonly string[]): readonly Group[] {
  const byKind = new Map(kinds.map((kind) => [kind.action.kind, kind]));
  const latest = recent.flatMap((name) => byKind.get(name) ?? []);
  const groups = [...groupBy(kinds, ({ category }) => category)]
    .map(([category, members]) => ({
      category,
      kinds: members.toSorted((a, b) => a.action.name.localeCompare(b.action.name)),
    }))
    .toSorted((left, right) => left.category.localeCompare(right.category));
  return latest.length === 0 ? groups : [{ category: t("Recent"), kinds: latest }, ...groups];
}
