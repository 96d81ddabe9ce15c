import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Span } from "./zoom";
import { brushed, keyed, moved, within, zoomed } from "./zoom";

const ALL: Span = { start: 1000, end: 2000 };

describe("the span of a timeline", () => {
  it("is halved around its middle or another place", () => {
    expect(zoomed(ALL, 0.5, ALL)).toEqual({ start: 1250, end: 1750 });
    expect(zoomed(ALL, 0.5, ALL, 0)).toEqual({ start: 1000, end: 1500 });
    expect(zoomed({ start: 1250, end: 1750 }, 2, ALL)).toEqual(ALL);
  });

  it("moves by a part of its length and stops at the ends", () => {
    expect(moved({ start: 1200, end: 1400 }, 0.5, ALL)).toEqual({ start: 1300, end: 1500 });
    expect(moved({ start: 1200, end: 1400 }, -5, ALL)).toEqual({ start: 1000, end: 1200 });
    expect(moved({ start: 1200, end: 1400 }, 50, ALL)).toEqual({ start: 1800, end: 2000 });
  });

  it("is brushed in both directions, and not by a click", () => {
    expect(brushed(ALL, 0.25, 0.75, ALL)).toEqual({ start: 1250, end: 1750 });
    expect(brushed(ALL, 0.75, 0.25, ALL)).toEqual({ start: 1250, end: 1750 });
    expect(brushed(ALL, 0.5, 0.501, ALL)).toBeUndefined();
  });

  it("follows keys, and leaves the others alone", () => {
    expect(keyed("+", ALL, ALL)).toEqual({ start: 1250, end: 1750 });
    expect(keyed("Escape", { start: 1250, end: 1750 }, ALL)).toBeNull();
    expect(keyed("a", ALL, ALL)).toBeUndefined();
  });

  it("never leaves the timeline and never vanishes", () => {
    const part = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(part, part, fc.double({ min: 0.01, max: 100, noNaN: true }), part, (a, b, factor, at) => {
        const span = within({ start: 1000 + 1000 * Math.min(a, b), end: 1000 + 1000 * Math.max(a, b) }, ALL);
        const found = moved(zoomed(span, factor, ALL, at), b - a, ALL);
        expect(found.start).toBeGreaterThanOrEqual(ALL.start);
        expect(found.end).toBeLessThanOrEqual(ALL.end + 1e-6);
        expect(found.end - found.start).toBeGreaterThan(1);
      }),
    );
  });
});
