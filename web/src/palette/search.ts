/** Finding actions: by name first, then by kind, by what else they are called, by category and description. */

import { groupBy } from "../base/lists";
import type { Kind } from "../editor/catalogue";
import { t } from "../locale/locale";

export interface Group {
  readonly category: string;
  readonly kinds: readonly Kind[];
}

/** What else a kind is called. */
export type Keywords = (kind: string) => readonly string[];

/** The actions in which every word of a query occurs, best ones first; all, for an empty query. */
export function searchKinds(kinds: readonly Kind[], query: string, keywords: Keywords = () => []): readonly Kind[] {
  const words = query
    .trim()
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  if (words.length === 0) return kinds;
  const ranked = kinds.flatMap((kind) => {
    const also = keywords(kind.action.kind);
    const ranks = words.map((word) => rank(kind, word, also));
    return ranks.includes(Infinity) ? [] : [{ kind, rank: Math.max(...ranks) }];
  });
  return ranked.toSorted((left, right) => left.rank - right.rank).map(({ kind }) => kind);
}

function rank({ action, category }: Kind, word: string, keywords: readonly string[]): number {
  const name = action.name.toLowerCase();
  if (name.startsWith(word)) return 0;
  if (name.includes(word)) return 1;
  if (action.kind.toLowerCase().includes(word)) return 2;
  if (keywords.some((keyword) => ` ${keyword}`.includes(` ${word}`))) return 3;
  if (category.toLowerCase().includes(word)) return 4;
  return action.description.toLowerCase().includes(word) ? 5 : Infinity;
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
