/**
 * The words of everything on the screen. Messages are written in English where they are used, `t("Saved")`, and found by
 * that in the catalogue of another language, which is loaded when it is wanted. What a catalogue lacks does not compile.
 *
 * There are two catalogues of each language: `de.json` has the words of the editor and of what is around every page,
 * `de.pages.json` those of the other pages, which are loaded with the first of these (`pageWords`).
 */

import type catalogue from "./de.json";
import type pages from "./de.pages.json";
import english from "./en.json";

type Catalogue = typeof catalogue & typeof pages;
/** A message; `{name}` stands for a value. */
export type Message = { [K in keyof Catalogue]: Catalogue[K] extends string ? K : never }[keyof Catalogue];
/** A message with another form for another `{count}`. */
export type CountedMessage = Exclude<keyof Catalogue, Message>;

type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { readonly other: string };
type Words = Readonly<Record<string, string | Forms>>;
export type Values = Readonly<Record<string, string | number>>;

export const LOCALES = ["en", "de", "ar"] as const;
export type Locale = (typeof LOCALES)[number];

/** Our messages, and what the server says in English: names and help of its own actions and settings, problems. */
interface Texts {
  readonly words: Words;
  readonly served: Readonly<Record<string, string>>;
}

interface Loader {
  readonly texts: () => Promise<Texts>;
  /** What pages say besides. */
  readonly pages: () => Promise<Words>;
}

const LOADERS: Readonly<Record<Exclude<Locale, "en">, Loader>> = {
  de: {
    texts: async () => ({
      words: (await import("./de.json")).default,
      served: (await import("./de.served.json")).default,
    }),
    pages: async () => (await import("./de.pages.json")).default,
  },
  ar: {
    texts: async () => ({
      words: (await import("./ar.json")).default,
      served: (await import("./ar.served.json")).default,
    }),
    pages: async () => (await import("./ar.pages.json")).default,
  },
};
const RIGHT_TO_LEFT: readonly Locale[] = ["ar"];
/** Keep a value from taking part in the order of the text around it (U+2068, U+2069). */
const ISOLATE = "\u2068";
const END_OF_ISOLATE = "\u2069";

interface Present extends Texts {
  readonly language: Locale;
  /** The same with a region, for dates and numbers: "de-CH". */
  readonly tag: string;
  readonly plurals: Intl.PluralRules;
  readonly numbers: Intl.NumberFormat;
}

let present = presentFor("en", "en", { words: english, served: {} });
/** Whether somebody has asked for a language; dates are else in the browser's. */
let isChosen = false;
let arePagesWanted = false;

function presentFor(language: Locale, tag: string, texts: Texts): Present {
  // One kind of digits: what counts things is not written with other ones than what names them.
  const region = new Intl.Locale(tag, { numberingSystem: "latn" }).toString();
  const [plurals, numbers] = [new Intl.PluralRules(language), new Intl.NumberFormat(region)];
  return { language, tag: region, ...texts, plurals, numbers };
}

/** The supported language of a tag such as "de-CH"; English for all others. */
export function localeOf(tag: string): Locale {
  return knownLocale(tag) ?? "en";
}

/** The first of several tags, best first, whose language is supported. */
export function preferredTag(tags: readonly string[]): string {
  return tags.find((tag) => knownLocale(tag) !== undefined) ?? "en";
}

function knownLocale(tag: string): Locale | undefined {
  const [language] = tag.toLowerCase().split("-");
  return LOCALES.find((known) => known === language);
}

/** Loads a language; dates and numbers are as in the region of `tag`. What is on the screen has to be drawn again. */
export async function setLanguage(language: Locale, tag: string = language): Promise<void> {
  const texts = await textsOf(language);
  const words =
    arePagesWanted && language !== "en" ? { ...texts.words, ...(await LOADERS[language].pages()) } : texts.words;
  present = presentFor(language, tag, { ...texts, words });
  isChosen = true;
}

async function textsOf(language: Locale): Promise<Texts> {
  return language === "en" ? { words: english, served: {} } : LOADERS[language].texts();
}

/** Loads the words of pages, in this language and those that are chosen later. */
export async function pageWords(): Promise<void> {
  arePagesWanted = true;
  const { language, words } = present;
  if (language === "en") return;
  const more = await LOADERS[language].pages();
  // Somebody may have chosen another one meanwhile, which has brought them along.
  if (present.language === language) present = { ...present, words: { ...words, ...more } };
}

export function locale(): Locale {
  return present.language;
}

export function direction(): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.includes(present.language) ? "rtl" : "ltr";
}

/** The language for dates, as `Intl` takes it. */
export function dateLocale(): string | undefined {
  return isChosen ? present.tag : undefined;
}

/** A number as it is written in the present language. */
export function numeral(value: number, digits = 0): string {
  if (digits === 0) return present.numbers.format(value);
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(present.tag, options).format(value);
}

/** A message in the present language. */
export function t(message: Message, values?: Values): string {
  const found = present.words[message];
  return filled(typeof found === "string" ? found : message, values);
}

/** A message with a count, in the form that the language has for it; `number` is how it is written, if otherwise. */
export function counted(message: CountedMessage, count: number, values?: Values): string {
  const forms = present.words[message];
  const form = typeof forms === "object" ? (forms[present.plurals.select(count)] ?? forms.other) : message;
  return filled(form, { ...values, count: values?.number ?? present.numbers.format(count) });
}

/** Things one after the other: "a, b, c". */
export function listed(items: readonly string[]): string {
  return items.join(t(", "));
}

/** A text of the server in the present language; what hosts call their own actions stays as it is. */
export function served(text: string): string {
  return present.served[text] ?? text;
}

/** Like `served`; `undefined` for what was not translated. */
export function translated(text: string): string | undefined {
  return present.language === "en" ? text : present.served[text];
}

function filled(text: string, values: Values | undefined): string {
  if (values === undefined) return text;
  const isMixed = direction() === "rtl";
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return isMixed ? `${ISOLATE}${value}${END_OF_ISOLATE}` : String(value);
  });
}
