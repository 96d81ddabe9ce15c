import { describe, expect, it } from "vitest";
import { MAP_ROOM, isBelowMap } from "./map";

const AS_IT_IS = { x: 0, y: 0, zoom: 1 };

describe("the map", () => {
  it("covers what stands at the lower left corner", () => {
    expect(isBelowMap([{ x: 100, y: 700 }], AS_IT_IS, 900)).toBe(true);
    expect(isBelowMap([{ x: 100, y: 700 }], { x: 0, y: -60, zoom: 1 }, 900)).toBe(true);
    expect(isBelowMap([{ x: -200, y: 640 }], AS_IT_IS, 900)).toBe(true);
  });

  it("covers nothing else", () => {
    expect(isBelowMap([], AS_IT_IS, 900)).toBe(false);
    expect(isBelowMap([{ x: MAP_ROOM, y: 700 }], AS_IT_IS, 900)).toBe(false);
    expect(isBelowMap([{ x: 100, y: 500 }], AS_IT_IS, 900)).toBe(false);
    expect(isBelowMap([{ x: 100, y: 700 }], { x: 0, y: 0, zoom: 0.5 }, 900)).toBe(false);
  });
});
