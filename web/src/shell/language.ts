/** The language of the pages: as the browser prefers, unless somebody has chosen. */

import { create } from "zustand";
import type { Locale } from "../locale/locale";
import { LOCALES, direction, localeOf, preferredTag, setLanguage } from "../locale/locale";

const STORAGE_KEY = "workflowkit.language";

/** What each language calls itself. */
export const LANGUAGE_NAMES: Readonly<Record<Locale, string>> = { en: "English", de: "Deutsch", ar: "العربية" };

/** The language that is shown. */
export const useLanguage = create<{ readonly language: Locale }>(() => ({ language: "en" }));

function stored(): Locale | undefined {
  try {
    const value = localStorage.getItem(STORAGE_KEY);
    return LOCALES.find((known) => known === value);
  } catch {
    return undefined; // the browser allows no storage here
  }
}

/** Shows the language that was chosen, or the browser's; call it before anything is drawn. Fails never. */
export async function startLanguage(): Promise<void> {
  const language = stored() ?? localeOf(preferredTag(navigator.languages));
  try {
    await show(language);
  } catch {
    await show("en"); // its words cannot be loaded
  }
}

/** Shows another language, and keeps it for the next visit. Rejects if its words cannot be loaded. */
export async function chooseLanguage(language: Locale): Promise<void> {
  await show(language);
  try {
    localStorage.setItem(STORAGE_KEY, language);
  } catch {
    // The browser allows no storage here: the choice holds until the page is left.
  }
}

async function show(language: Locale): Promise<void> {
  // Dates as in the browser's own region, where that speaks the language.
  const region = navigator.languages.find((tag) => preferredTag([tag]) === tag && localeOf(tag) === language);
  await setLanguage(language, region);
  Object.assign(document.documentElement, { lang: language, dir: direction() });
  useLanguage.setState({ language });
}
