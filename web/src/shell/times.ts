/** Times for people, in the language of the editor, or else of their browser. */

import { dateLocale, locale, t } from "../locale/locale";

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** "5 minutes ago"; the date, if that was over a month ago. */
export function ago(moment: string, now = Date.now()): string {
  const seconds = (new Date(moment).getTime() - now) / 1000;
  if (seconds < -30 * 86_400)
    return new Intl.DateTimeFormat(dateLocale(), { dateStyle: "medium" }).format(new Date(moment));
  const unit = UNITS.find(([, size]) => Math.abs(seconds) >= size);
  if (unit === undefined) return t("just now");
  const relative = new Intl.RelativeTimeFormat(dateLocale(), { numeric: "auto" });
  return relative.format(Math.round(seconds / unit[1]), unit[0]);
}

export function fullTime(moment: string): string {
  return new Intl.DateTimeFormat(dateLocale(), { dateStyle: "medium", timeStyle: "medium" }).format(new Date(moment));
}

/** "1.2 s" or "340 ms". */
export function duration(milliseconds: number): string {
  if (locale() !== "en") return spoken(milliseconds);
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** The same in the words of other languages. */
function spoken(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  const [unit, value] =
    seconds < 1 ? ["millisecond", milliseconds] : seconds < 60 ? ["second", seconds] : ["minute", seconds / 60];
  const options = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: seconds < 1 ? 0 : 1 } as const;
  return new Intl.NumberFormat(dateLocale(), options).format(value);
}
