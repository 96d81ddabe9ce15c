import { afterEach, describe, expect, it } from "vitest";
import { setLanguage } from "../locale/locale";
import { length } from "./length";

afterEach(() => setLanguage("en"));

describe("a length of time", () => {
  it("is told in the largest unit that it fills", () => {
    expect([259_200_000, 5_400_000, 60_000, 1500, 0].map(length)).toEqual([
      "3 days",
      "1.5 hours",
      "1 minute",
      "1.5 seconds",
      "0 seconds",
    ]);
  });

  it("is told in the language of the page", async () => {
    await setLanguage("de");
    expect(length(259_200_000)).toBe("3 Tage");
    await setLanguage("ar");
    expect(length(259_200_000)).toBe("3 أيام");
  });
});
