/** Lengths of time in whole words. */

import { dateLocale, locale } from "../locale/locale";

const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
] as const;

/** How long something is, for people: "3 days", "1.5 hours". */
export function length(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  const [unit, size] = UNITS.find(([, each]) => seconds >= each) ?? (["second", 1] as const);
  const options = { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(locale() === "en" ? "en" : dateLocale(), options).format(seconds / size);
}
