/** Which runs a list shows: what the address says, as the API takes it. Pure. */

import type { RunFilter } from "../api/client";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";

/** What of the address filters the list and says which columns it has. */
export const FILTERS = ["status", "since", "workflow", "version", "where", "columns"] as const;

const HOUR_MS = 3_600_000;
export const SPANS: Readonly<Record<string, { readonly label: Message; readonly hours: number }>> = {
  "1h": { label: "Last hour", hours: 1 },
  "24h": { label: "Last day", hours: 24 },
  "7d": { label: "Last 7 days", hours: 7 * 24 },
};

/** What a span is called; the text of the address, if it is not known. */
export function spanLabel(since: string): string {
  const span = SPANS[since];
  return span === undefined ? since : t(span.label);
}

/** Ids have no I, L, O and U; the first ten characters are a time, which begins like this until the year 2039. */
const ID = /^01[0-9A-HJKMNP-TV-Z]{6,24}$/i;
/** Every condition says something of the event or the output, in one of these ways. */
const CONDITION =
  /\b(event|output)\s*(\.\s*\w|\[|==|!=|<|>|\?|&&|\|\|)|\b(event|output)\s+in\b|[(!,[]\s*(event|output)\b/;

/** The moment at which a span of time before now begins; "" for a span that is not known. */
export function sinceMoment(since: string, now: number): string {
  const span = SPANS[since];
  return span === undefined ? "" : new Date(now - span.hours * HOUR_MS).toISOString();
}

/**
 * What the list is filtered by. A workflow that ends with "/" is an application; a search that is an id looks for it, and
 * one without a condition for its text.
 */
export function filterOf(query: URLSearchParams, now: number): RunFilter {
  const read = (name: (typeof FILTERS)[number]): string => query.get(name) ?? "";
  const workflow = read("workflow");
  const where = read("where").trim();
  return {
    status: read("status"),
    version: read("version"),
    created_after: sinceMoment(read("since"), now),
    ...(workflow.endsWith("/") ? { app_id: workflow.slice(0, -1) } : { workflow_id: workflow }),
    ...(isId(where) ? { id: where } : where === "" || CONDITION.test(where) ? { where } : { contains: where }),
  };
}

/** Whether a search is the beginning of a run's id. */
export function isId(text: string): boolean {
  return ID.test(text) && /[a-z]/i.test(text);
}

/** The columns that show values, in order. */
export function columnsOf(query: URLSearchParams): readonly string[] {
  return (query.get("columns") ?? "").split("\n").filter((path) => path !== "");
}

/** Whether more than the status, the time and one workflow says which runs these are. */
export function isSearch(query: URLSearchParams): boolean {
  const texts = ["version", "where"].map((name) => query.get(name) ?? "");
  return texts.some((text) => text !== "") || (query.get("workflow") ?? "").endsWith("/");
}

/** The filter of an address as one text: equal filters give equal texts. */
export function filterText(query: URLSearchParams): string {
  const pairs = FILTERS.flatMap((name): [string, string][] => {
    const value = query.get(name) ?? "";
    return value === "" ? [] : [[name, value]];
  });
  return new URLSearchParams(pairs).toString();
}

/** A filter that somebody has given a name. */
export interface SavedFilter {
  readonly name: string;
  /** As `filterText` gives it. */
  readonly query: string;
}

/** Reads what was stored; whatever is no filter is left out. */
export function readSaved(text: string | null): readonly SavedFilter[] {
  try {
    const stored: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(stored) ? stored.filter(isSaved) : [];
  } catch {
    return [];
  }
}

/** What is kept under a name, and what still is under an old one, which is moved over. */
export function storedFilters(place: string, old: string): readonly SavedFilter[] {
  try {
    const before = localStorage.getItem(old);
    if (before === null) return readSaved(localStorage.getItem(place));
    const present = readSaved(localStorage.getItem(place));
    const all = readSaved(before).reduce((list, each) => (isNamed(list, each) ? list : withSaved(list, each)), present);
    localStorage.setItem(place, JSON.stringify(all));
    localStorage.removeItem(old);
    return all;
  } catch {
    return []; // a browser that keeps nothing
  }
}

function isNamed(list: readonly SavedFilter[], { name }: SavedFilter): boolean {
  return list.some((each) => each.name === name);
}

function isSaved(value: unknown): value is SavedFilter {
  if (typeof value !== "object" || value === null) return false;
  const { name, query } = value as Partial<Record<keyof SavedFilter, unknown>>;
  return typeof name === "string" && typeof query === "string";
}

/** The list with a filter in it, in order of names; one of the same name is replaced. */
export function withSaved(list: readonly SavedFilter[], added: SavedFilter): readonly SavedFilter[] {
  return [...list.filter(({ name }) => name !== added.name), added].toSorted((a, b) => a.name.localeCompare(b.name));
}
