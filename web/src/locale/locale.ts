/**
 * The words of everything on the screen. Messages are written in English where they are used, `t("Saved")`, and found by
 * that in the catalogue of another language, which is loaded when it is wanted. What a catalogue lacks does not compile.
 *
 * The catalogue of a language has three parts. `de.json` is loaded first: what the editor says as it opens, and what is
 * around every page. `de.panels.json` comes with the first part of the editor that is not there from the beginning
 * (`withPanelWords`), `de.pages.json` with the first other page (`withPageWords`). A test follows the imports, and finds
 * what is said before its part is there. Each part has a second file with what the server says: `de.served.json`.
 */

import type first from "./de.json";
import type pages from "./de.pages.json";
import type panels from "./de.panels.json";
import english from "./en.json";

type Catalogue = typeof first & typeof panels & typeof pages;
/** A message; `{name}` stands for a value. */
export type Message = { [K in keyof Catalogue]: Catalogue[K] extends string ? K : never }[keyof Catalogue];
/** A message with another form for another `{count}`. */
export type CountedMessage = Exclude<keyof Catalogue, Message>;

type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { readonly other: string };
type Words = Readonly<Record<string, string | Forms>>;
type Served = Readonly<Record<string, string>>;
export type Values = Readonly<Record<string, string | number>>;

export const LOCALES = ["en", "de", "ar"] as const;
export type Locale = (typeof LOCALES)[number];

/** A part of a language that is loaded later than the first one. */
type LaterPart = "panels" | "pages";

/** Our messages, and what the server says in English: names and help of its own actions and settings, problems. */
interface Texts {
  readonly words: Words;
  readonly served: Served;
}

type Load = () => Promise<Texts>;
type Loader = Readonly<Record<"first" | LaterPart, Load>>;
type Module<T> = Promise<{ readonly default: T }>;

async function both(ours: Module<Words>, theirs: Module<Served>): Promise<Texts> {
  const [words, answers] = await Promise.all([ours, theirs]);
  return { words: words.default, served: answers.default };
}

const LOADERS: Readonly<Record<Exclude<Locale, "en">, Loader>> = {
  de: {
    first: () => both(import("./de.json"), import("./de.served.json")),
    panels: () => both(import("./de.panels.json"), import("./de.served.panels.json")),
    pages: () => both(import("./de.pages.json"), import("./de.served.pages.json")),
  },
  ar: {
    first: () => both(import("./ar.json"), import("./ar.served.json")),
    panels: () => both(import("./ar.panels.json"), import("./ar.served.panels.json")),
    pages: () => both(import("./ar.pages.json"), import("./ar.served.pages.json")),
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
/** What was asked for beside the first part, in whatever language. */
const wanted = new Set<LaterPart>();

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
  let texts: Texts;
  let parts: readonly LaterPart[];
  do {
    parts = [...wanted];
    // oxlint-disable-next-line no-await-in-loop -- once more only if another part was asked for meanwhile
    texts = await textsOf(language, parts);
  } while (parts.length < wanted.size);
  present = presentFor(language, tag, texts);
  isChosen = true;
}

async function textsOf(language: Locale, parts: readonly LaterPart[]): Promise<Texts> {
  if (language === "en") return { words: english, served: {} };
  const loader = LOADERS[language];
  const [first, ...later] = await Promise.all([loader.first(), ...parts.map((part) => loader[part]())]);
  return later.reduce(joined, first);
}

function joined(texts: Texts, more: Texts): Texts {
  return { words: { ...texts.words, ...more.words }, served: { ...texts.served, ...more.served } };
}

/** Loads a part of the editor that is not there from the beginning, and the words that only such parts say. */
export function withPanelWords<T>(load: () => Promise<T>): Promise<T> {
  return withPart("panels", load);
}

/** Loads another page than the editor, and the words that only these say. */
export function withPageWords<T>(load: () => Promise<T>): Promise<T> {
  return withPart("pages", load);
}

async function withPart<T>(part: LaterPart, load: () => Promise<T>): Promise<T> {
  const [module] = await Promise.all([load(), bring(part)]);
  return module;
}

/** Loads a part in this language; `setLanguage` brings it in those that are chosen later. */
async function bring(part: LaterPart): Promise<void> {
  wanted.add(part);
  const { language } = present;
  if (language === "en") return;
  const more = await LOADERS[language][part]();
  // Somebody may have chosen another one meanwhile, which has brought it along.
  if (present.language === language) present = { ...present, ...joined(present, more) };
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
