import { describe, expect, it } from "vitest";
import { bendFor } from "./routing";

describe("a connection", () => {
  it("bends in the middle where nothing is in its way", () => {
    expect(bendFor({ x: 100, y: 60 }, { x: 400, y: 600 }, [])).toBeUndefined();
    expect(bendFor({ x: 100, y: 60 }, { x: 400, y: 140 }, [{ x: 0, y: 80 }])).toBeUndefined();
  });

  it("turns aside at once, to pass a step that stands below", () => {
    expect(bendFor({ x: 100, y: 60 }, { x: 400, y: 600 }, [{ x: 0, y: 140 }])).toBe(100);
  });

  it("turns aside late, to pass a step that stands above its end", () => {
    expect(bendFor({ x: 100, y: 60 }, { x: 400, y: 600 }, [{ x: 300, y: 440 }])).toBe(560);
  });
});
