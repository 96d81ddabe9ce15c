/** The part of a timeline that is looked at. Pure: spans go in, spans come out. */

import type { Waterfall } from "./waterfall";

/** From when to when, in milliseconds since 1970. */
export type Span = Pick<Waterfall, "start" | "end">;

/** Nothing is shown larger than this: a span has at least so many milliseconds. */
const SHORTEST_MS = 2;
/** What is not dragged further than this part of the width was a click. */
const SLIP = 0.01;

/** A span inside of another one: moved into it, and cut off if it is longer. */
export function within(span: Span, all: Span): Span {
  const length = Math.min(Math.max(span.end - span.start, SHORTEST_MS), all.end - all.start);
  const start = Math.min(Math.max(span.start, all.start), all.end - length);
  return { start, end: start + length };
}

/** A span that is so many times as long, around a place in it: 0 is its start, 1 its end. */
export function zoomed(span: Span, factor: number, all: Span, at = 0.5): Span {
  const length = Math.max((span.end - span.start) * factor, SHORTEST_MS);
  const fixed = span.start + at * (span.end - span.start);
  const start = fixed - at * length;
  return within({ start, end: start + length }, all);
}

/** A span that is moved by a part of its own length. */
export function moved(span: Span, by: number, all: Span): Span {
  const distance = by * (span.end - span.start);
  return within({ start: span.start + distance, end: span.end + distance }, all);
}

/** What was brushed: two places in a span, in any order. None if it was only a click. */
export function brushed(span: Span, from: number, to: number, all: Span): Span | undefined {
  if (Math.abs(to - from) < SLIP) return undefined;
  const length = span.end - span.start;
  const [left, right] = [Math.min(from, to), Math.max(from, to)];
  return within({ start: span.start + left * length, end: span.start + right * length }, all);
}

/** What a key does to the span; `null` shows all, `undefined` if the key means nothing. */
export function keyed(key: string, span: Span, all: Span): Span | null | undefined {
  const changes: Readonly<Record<string, () => Span | null>> = {
    "+": () => zoomed(span, 0.5, all),
    "=": () => zoomed(span, 0.5, all),
    "-": () => zoomed(span, 2, all),
    ArrowLeft: () => moved(span, -0.25, all),
    ArrowRight: () => moved(span, 0.25, all),
    Home: () => null,
    Escape: () => null,
  };
  return changes[key]?.();
}
