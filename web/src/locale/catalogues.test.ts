import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stepSettings, triggerSchema, workflowSettings } from "../config/contract";
import { inLanguage } from "../config/schematexts";
import { TRIGGER_KINDS } from "../config/triggers";
import { BLANK, TEMPLATES } from "../workflows/templates";
import arWords from "./ar.json";
import arPages from "./ar.pages.json";
import arPanels from "./ar.panels.json";
import arServed from "./ar.served.json";
import arServedPages from "./ar.served.pages.json";
import arServedPanels from "./ar.served.panels.json";
import deWords from "./de.json";
import dePages from "./de.pages.json";
import dePanels from "./de.panels.json";
import deServed from "./de.served.json";
import deServedPages from "./de.served.pages.json";
import deServedPanels from "./de.served.panels.json";
import en from "./en.json";
import { counted, direction, localeOf, setLanguage, t } from "./locale";

type Catalogue = Readonly<Record<string, unknown>>;
const WORDS = { de: [deWords, dePanels, dePages], ar: [arWords, arPanels, arPages] };
const SERVED = { de: [deServed, deServedPanels, deServedPages], ar: [arServed, arServedPanels, arServedPages] };
const de: Catalogue = Object.assign({}, ...WORDS.de);
const ar: Catalogue = Object.assign({}, ...WORDS.ar);
const CATALOGUES: Readonly<Record<string, Catalogue>> = { de, ar };
/** The name of a format, and quotation marks. */
const SAME = /^(JSON Logic|“\{text\}”)$/;

function sources(directory: string): string {
  return readdirSync(directory, { withFileTypes: true })
    .map((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return sources(path);
      return /\.tsx?$/.test(entry.name) && !/\.test\./.test(entry.name) ? readFileSync(path, "utf-8") : "";
    })
    .join("\n");
}

function texts(value: unknown): string[] {
  return typeof value === "string" ? [value] : Object.values(value as Record<string, string>);
}

function placeholders(text: string): string[] {
  return [...text.matchAll(/\{\w+\}/g)].map(([found]) => found).toSorted();
}

describe("the catalogues", () => {
  it("have the same messages", () => {
    expect(WORDS.ar.map(Object.keys)).toEqual(WORDS.de.map(Object.keys));
    expect(SERVED.ar.map(Object.keys)).toEqual(SERVED.de.map(Object.keys));
  });

  it("have each message once", () => {
    for (const parts of [WORDS.de, SERVED.de]) {
      const messages = parts.flatMap(Object.keys);
      expect(messages.filter((message, index) => messages.indexOf(message) !== index)).toEqual([]);
    }
  });

  it("have no message that nothing says", () => {
    const code = sources("src");
    expect(Object.keys(de).filter((message) => !code.includes(JSON.stringify(message)))).toEqual([]);
  });

  it("have what the forms of settings say in the parts that come with them", () => {
    const said = new Set<string>();
    for (const schema of [stepSettings(), workflowSettings(), ...TRIGGER_KINDS.map(triggerSchema)])
      inLanguage(schema, (text) => {
        said.add(text);
        return text;
      });
    expect(Object.keys(deServedPanels).filter((text) => said.has(text)).length).toBeGreaterThan(50);
    expect(Object.keys(deServedPages).filter((text) => said.has(text))).toEqual([]);
  });

  it("know what the gallery says, in the part of pages", () => {
    const known = { ...deServed, ...deServedPages };
    const said = [BLANK, ...TEMPLATES].flatMap(({ name, description }) => [name, description]);
    expect(said.filter((text) => !(text in known))).toEqual([]);
  });

  it.each(Object.keys(CATALOGUES))("say everything with its values: %s", (name) => {
    for (const [message, translation] of Object.entries(CATALOGUES[name] ?? {}))
      for (const text of texts(translation)) {
        expect(text.trim(), message).not.toBe("");
        // "One step" needs no number.
        const wanted = placeholders(message).filter((each) => each !== "{count}");
        expect(
          placeholders(text).filter((each) => each !== "{count}"),
          message,
        ).toEqual(wanted);
      }
  });

  it("leave nothing in English", () => {
    for (const [message, translation] of Object.entries(ar))
      if (!SAME.test(message)) for (const text of texts(translation)) expect(text, message).toMatch(/[\u0600-\u06ff]/);
  });

  it("have a form for each number", () => {
    const counts = Object.keys(en);
    for (const [name, catalogue] of Object.entries({ en, ...CATALOGUES })) {
      const forms = new Intl.PluralRules(name).resolvedOptions().pluralCategories;
      for (const message of counts) {
        const known = Object.keys((catalogue as Catalogue)[message] as object);
        expect(known).toContain("other");
        // Forms that are left out are said like "other"; only those that differ in English have to be there.
        if (forms.includes("one")) expect(known).toContain("one");
      }
    }
  });
});

describe("a language", () => {
  it("is found by its tag", () => {
    expect(["de-CH", "AR", "fr", ""].map(localeOf)).toEqual(["de", "ar", "en", "en"]);
  });

  it("says messages with values, and counts", async () => {
    expect(t("Undo: {what}", { what: "x" })).toBe("Undo: x");
    expect([counted("{count} steps copied", 1), counted("{count} steps copied", 3)]).toEqual([
      "1 step copied",
      "3 steps copied",
    ]);
    await setLanguage("de");
    expect([t("Saved"), direction()]).toEqual(["Gespeichert", "ltr"]);
    expect(counted("{count} steps copied", 3)).toBe("3 Schritte kopiert");
    await setLanguage("ar");
    expect(direction()).toBe("rtl");
    expect(counted("{count} steps copied", 2)).toBe("نُسخت خطوتان");
    expect(t("Undo: {what}", { what: "A, B" })).toContain("\u2068A, B\u2069");
    await setLanguage("en");
  });
});
