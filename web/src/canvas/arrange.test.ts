import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arrange } from "./arrange";
import { NODE_HEIGHT, NODE_WIDTH } from "./geometry";

describe("an arrangement", () => {
  it("lets no two nodes overlap, and every edge lead down", () => {
    // Edges lead from smaller to larger numbers, so there is no circle.
    const pairs = fc.array(
      fc.tuple(fc.nat(14), fc.nat(14)).filter(([from, to]) => from < to),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(pairs, (edges) => {
        const ids = Array.from({ length: 15 }, (_, index) => String(index));
        const places = arrange(
          ids,
          edges.map(([from, to]) => [String(from), String(to)]),
        );
        const all = [...places.values()];
        for (const [index, left] of all.entries()) {
          for (const right of all.slice(index + 1)) {
            expect(Math.abs(left.x - right.x) >= NODE_WIDTH || Math.abs(left.y - right.y) >= NODE_HEIGHT).toBe(true);
          }
        }
        for (const [from, to] of edges) {
          expect(places.get(String(to))?.y ?? 0).toBeGreaterThan(places.get(String(from))?.y ?? 0);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("keeps the ways of a step in their order", () => {
    const edges = [
      ["if", "yes", true],
      ["if", "no", true],
      ["yes", "b"],
      ["no", "a"],
      ["yes", "a"],
    ] as const;
    const places = arrange(["if", "no", "yes", "a", "b"], edges);
    expect(places.get("yes")?.x ?? 0).toBeLessThan(places.get("no")?.x ?? 0);
  });

  it("puts what has no order where it crosses least", () => {
    const links = [
      ["a", "b"],
      ["a", "c"],
      ["b", "join"],
      ["b", "own"],
      ["c", "join"],
    ] as const;
    const places = arrange(["a", "b", "c", "join", "own"], links);
    expect(places.get("own")?.x ?? 0).toBeLessThan(places.get("join")?.x ?? 0);
  });

  it("puts a step in the middle above those that follow it", () => {
    const links = [
      ["a", "b"],
      ["a", "c"],
      ["b", "d"],
      ["b", "e"],
    ] as const;
    const places = arrange(["a", "b", "c", "d", "e"], links);
    const x = (id: string): number => places.get(id)?.x ?? NaN;
    expect(x("a")).toBe((x("b") + x("c")) / 2);
    expect(x("b")).toBe((x("d") + x("e")) / 2);
  });

  it("cuts the circles that drafts may have", () => {
    const links = [
      ["a", "b"],
      ["b", "a"],
    ] as const;
    expect([...arrange(["a", "b"], links).keys()].toSorted()).toEqual(["a", "b"]);
  });
});
