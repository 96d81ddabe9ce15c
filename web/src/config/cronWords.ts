import type { Locale } from "../locale/locale";

/** What the library says in other languages than English; each part adds itself to it. */
const LANGUAGES: Readonly<Record<Locale, () => Promise<unknown>>> = {
  en: () => Promise.resolve(),
  de: () => import("cronstrue/locales/de"),
  ar: () => import("cronstrue/locales/ar"),
};

/** A cron expression in words, with the clock of those who read it; nothing where there are none for it. */
export async function cronWords(expression: string, language: Locale, isHalfDayClock: boolean): Promise<string> {
  try {
    const [library] = await Promise.all([import("cronstrue"), LANGUAGES[language]()]);
    const options = { locale: language, use24HourTimeFormat: !isHalfDayClock };
    return library.default.toString(expression, options).trim();
  } catch {
    return ""; // what is wrong with it is said at its field
  }
}
