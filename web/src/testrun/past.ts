/** Events that came before, as they are offered: told apart by when they came, and by what they say. Pure. */

import type { Event } from "../api/schema";
import type { Json } from "../base/json";
import { dateLocale, listed } from "../locale/locale";

/** About as much as the panel is wide. */
const MOST_LETTERS = 60;

/** "6:11:43 AM · order: o-17, total: 12.5"; with the day, if that is not today. */
export function pastLabel({ received_at, data }: Pick<Event, "received_at" | "data">, now = new Date()): string {
  const words = dataLine(data);
  return words === "" ? momentOf(received_at, now) : `${momentOf(received_at, now)} · ${words}`;
}

function momentOf(moment: string, now: Date): string {
  const then = new Date(moment);
  const isToday = then.toDateString() === now.toDateString();
  const day = isToday ? {} : ({ dateStyle: "short" } as const);
  return new Intl.DateTimeFormat(dateLocale(), { ...day, timeStyle: "medium" }).format(then);
}

function dataLine(data: Event["data"]): string {
  const line = listed(Object.entries(data).map(([name, value]) => `${name}: ${shown(value)}`));
  return line.length > MOST_LETTERS ? `${line.slice(0, MOST_LETTERS)}…` : line;
}

function shown(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
