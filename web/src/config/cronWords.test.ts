import { expect, test } from "vitest";
import { cronWords } from "./cronWords";

test.each([
  ["0 9 * * MON", "en", true, "At 09:00 AM, only on Monday"],
  ["30 17 1 JUN *", "en", false, "At 17:30, on day 1 of the month, only in June"],
  ["0 9 * * MON", "de", false, "Um 09:00, nur jeden Montag"],
  ["0 9 * * MON", "ar", false, "09:00، الإثنين فقط"],
  ["61 * * * *", "en", true, ""],
  ["", "de", true, ""],
] as const)("says %s in %s", async (expression, language, isHalfDayClock, words) => {
  expect(await cronWords(expression, language, isHalfDayClock)).toBe(words);
});
