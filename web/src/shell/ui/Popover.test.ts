import { describe, expect, it } from "vitest";
import { placeAt } from "./Popover";

const WINDOW = { width: 390, height: 844 };

function at(left: number, top: number) {
  return { left, right: left + 24, top, bottom: top + 22 };
}

describe("a box at its button", () => {
  it("ends where the button ends, as far as there is room", () => {
    expect(placeAt(at(1000, 100), 340, { width: 1440, height: 900 }, false)).toEqual({
      left: 684,
      width: 340,
      maxHeight: 380,
      top: 128,
    });
    expect(placeAt(at(20, 100), 340, WINDOW, false).left).toBe(8);
    expect(placeAt(at(300, 100), 340, WINDOW, true).left).toBe(42);
    expect(placeAt(at(20, 100), 340, { width: 320, height: 844 }, false)).toMatchObject({ left: 8, width: 304 });
  });

  it("stands above the button where more room is", () => {
    expect(placeAt(at(20, 700), 340, WINDOW, false)).toEqual({ left: 8, width: 340, maxHeight: 380, bottom: 150 });
    expect(placeAt(at(20, 200), 340, { width: 390, height: 450 }, false)).toMatchObject({ top: 228, maxHeight: 214 });
  });
});
