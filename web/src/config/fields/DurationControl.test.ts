import { describe, expect, it } from "vitest";
import { isDurationText, readDuration } from "../../base/durations";
import { durationTyped } from "./DurationControl";

describe("a duration", () => {
  it("is a number with the unit beside it, or with the one that was typed", () => {
    expect(durationTyped("3", "d")).toBe("3d");
    expect(durationTyped(" 1,5 ", "h")).toBe("1.5h");
    expect(durationTyped("30s", "d")).toBe("30s");
    expect(durationTyped(" ", "d")).toBeUndefined();
  });

  it("stays what was typed, if it is none", () => {
    expect(durationTyped("3 days", "h")).toBe("3 days");
    expect(["3 days", "3D", "", "3", "d", "3d 2h"].map(readDuration)).toEqual(Array.from({ length: 6 }));
  });

  it("is more than nothing, and no longer than a year and a day", () => {
    expect(["1ms", "366d", "0s", "367d"].map(isDurationText)).toEqual([true, true, false, false]);
  });
});
