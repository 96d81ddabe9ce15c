import { afterEach, describe, expect, it, vi } from "vitest";
import { dateLocale, numeral, setLanguage, t } from "../locale/locale";
import { chooseLanguage, startLanguage, useLanguage } from "./language";

function prefer(...languages: readonly string[]): void {
  vi.spyOn(navigator, "languages", "get").mockReturnValue(languages);
}

afterEach(async () => {
  vi.restoreAllMocks();
  localStorage.clear();
  await setLanguage("en");
});

describe("the language", () => {
  it("is the first of the browser's that there is, with dates as in its region", async () => {
    prefer("fr-FR", "de-CH", "en-US");
    await startLanguage();
    expect([useLanguage.getState().language, dateLocale()]).toEqual(["de", "de-CH-u-nu-latn"]);
    expect([t("Saved"), numeral(1.5, 1)]).toEqual(["Gespeichert", "1.5"]);
    expect([document.documentElement.lang, document.documentElement.dir]).toEqual(["de", "ltr"]);
  });

  it("is English for a browser that prefers none of them", async () => {
    prefer("fr-FR");
    await startLanguage();
    expect(useLanguage.getState().language).toBe("en");
  });

  it("is the chosen one at the next visit, whatever the browser prefers", async () => {
    prefer("de");
    await chooseLanguage("ar");
    await setLanguage("en");
    await startLanguage();
    expect([useLanguage.getState().language, document.documentElement.dir]).toEqual(["ar", "rtl"]);
  });

  it("has one kind of digits in Arabic", async () => {
    prefer("ar-EG");
    await startLanguage();
    expect(numeral(1234)).toMatch(/^1.?234$/);
  });
});
