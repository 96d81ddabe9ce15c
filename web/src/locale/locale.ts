/**
 * The words of the editor. Messages are written in English where they are used, `t("Saved")`, and found by that in the
 * catalogue of another language, which is loaded when it is wanted. What a catalogue lacks does not compile.
 */

import type catalogue from "./de.json";
import english from "./en.json";

type Catalogue = typeof catalogue;
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

const LOADERS: Readonly<Record<Exclude<Locale, "en">, () => Promise<Texts>>> = {
  de: async () => ({ words: (await import("./de.json")).default, served: (await import("./de.served.json")).default }),
  ar: async () => ({ words: (await import("./ar.json")).default, served: (await import("./ar.served.json")).default }),
};
const RIGHT_TO_LEFT: readonly Locale[] = ["ar"];
/** Keep a value from taking part in the order of the text around it (U+2068, U+2069). */
const ISOLATE = "\u2068";
const END_OF_ISOLATE = "\u2069";

interface Present extends Texts {
  readonly language: Locale;
  readonly plurals: Intl.PluralRules;
  readonly numbers: Intl.NumberFormat;
}

let present = presentFor("en", { words: english, served: {} });
/** Whether somebody has asked for a language; dates are else in the browser's. */
let isChosen = false;

function presentFor(language: Locale, texts: Texts): Present {
  return { language, ...texts, plurals: new Intl.PluralRules(language), numbers: new Intl.NumberFormat(language) };
}

/** The supported language of a tag such as "de-CH"; English for all others. */
export function localeOf(tag: string): Locale {
  const [language] = tag.toLowerCase().split("-");
  return LOCALES.find((known) => known === language) ?? "en";
}

/** Loads a language. What is on the screen has to be drawn again. */
export async function setLanguage(language: Locale): Promise<void> {
  const texts = language === "en" ? { words: english, served: {} } : await LOADERS[language]();
  present = presentFor(language, texts);
  isChosen = true;
}

export function locale(): Locale {
  return present.language;
}

export function direction(): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.includes(present.language) ? "rtl" : "ltr";
}

/** The language for dates, as `Intl` takes it. */
export function dateLocale(): string | undefined {
  return isChosen ? present.language : undefined;
}

/** A message in the present language. */
export function t(message: Message, values?: Values): string {
  const found = present.words[message];
  return filled(typeof found === "string" ? found : message, values);
}

/** A message with a count, in the form that the language has for it. */
export function counted(message: CountedMessage, count: number, values?: Values): string {
  const forms = present.words[message];
  const form = typeof forms === "object" ? (forms[present.plurals.select(count)] ?? forms.other) : message;
  return filled(form, { ...values, count: present.numbers.format(count) });
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
