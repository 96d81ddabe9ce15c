import { Position, getSmoothStepPath } from "@xyflow/react";
import { describe, expect, it } from "vitest";
import { CORNER, rounded, routeFor, stem } from "./routing";

const START = { x: 100, y: 60 };
const END = { x: 400, y: 600 };

describe("a connection", () => {
  it("turns in the middle where nothing is in its way", () => {
    expect(routeFor(START, END, [])).toEqual({});
    expect(routeFor(START, END, [{ x: 900, y: 300 }])).toEqual({});
    expect(routeFor(START, { x: 400, y: 140 }, [{ x: 0, y: 80 }])).toEqual({});
  });

  it("turns aside at once, to pass a step that stands below", () => {
    expect(routeFor(START, END, [{ x: 0, y: 140 }])).toEqual({ bend: 100 });
  });

  it("turns aside late, to pass a step that stands above its end", () => {
    expect(routeFor(START, END, [{ x: 300, y: 440 }])).toEqual({ bend: 560 });
  });

  it("does not go back up where it turns near an end", () => {
    for (const bend of [70, 300, 585, 597]) {
      const [path] = getSmoothStepPath({
        sourceX: 100,
        sourceY: 60,
        sourcePosition: Position.Bottom,
        targetX: 400,
        targetY: 600,
        targetPosition: Position.Top,
        borderRadius: CORNER,
        centerY: bend,
        offset: stem(60, 600, bend),
      });
      const heights = (path.match(/-?[\d.]+/g) ?? []).map(Number).filter((_, index) => index % 2 === 1);
      expect(heights).toEqual(heights.toSorted((a, b) => a - b));
    }
    expect(stem(60, 50, 55)).toBe(0);
  });

  it("goes down beside steps that stand above its end and below its start", () => {
    const below = { x: 0, y: 300 };
    expect(routeFor(START, { x: 160, y: 600 }, [below])).toEqual({ lane: 260 });
    expect(routeFor(START, { x: 160, y: 600 }, [below, { x: 260, y: 300 }])).toEqual({ lane: -20 });
  });

  it("is not led around everything there is", () => {
    const many = Array.from({ length: 200 }, (_, index) => ({ x: 0, y: 100 + 70 * index }));
    expect(routeFor(START, { x: 120, y: 100 + 70 * 201 }, many)).toEqual({});
  });

  it("has round corners that fit into short parts", () => {
    expect(rounded([START, { x: 100, y: 100 }, { x: 110, y: 100 }, { x: 110, y: 200 }])).toBe(
      "M100 60L100 86Q100 100 105 100L105 100Q110 100 110 114L110 200",
    );
  });
});
