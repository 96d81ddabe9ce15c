/** What flow control says in a document, in the one form that the panel edits; and durations, as people say them. */

import type { Json, JsonObject } from "../../base/json";
import { isList, isObject } from "../../base/json";
import { counted, t } from "../../locale/locale";

export const CONTROL_NAMES = [
  "concurrency",
  "throttle",
  "rate_limit",
  "debounce",
  "batch",
  "priority",
  "singleton",
  "idempotency",
] as const;
export type ControlName = (typeof CONTROL_NAMES)[number];

const NAMES: ReadonlySet<string> = new Set(CONTROL_NAMES);

/** Settings without flow control. */
export function withoutFlow(settings: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !NAMES.has(name)));
}

/** Settings that are flow control. */
export function onlyFlow(settings: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => NAMES.has(name)));
}

/** The control that a pointer into a document is about. */
export function controlAt(pointer: string): ControlName | undefined {
  const [, settings, name] = pointer.split("/");
  return settings === "settings" ? CONTROL_NAMES.find((known) => known === name) : undefined;
}

/** The limits of concurrency, which may be written as a number, as one limit, or as a list. */
export function limitsOf(value: Json | undefined): readonly JsonObject[] {
  if (typeof value === "number") return [{ limit: value }];
  if (isObject(value)) return [value];
  return isList(value) ? value.filter(isObject) : [];
}

/** Where a limit stands below the setting, as it is written now. */
export function pointerOfLimit(value: Json | undefined, index: number): string {
  return isList(value) ? `/${index}` : "";
}

/** Idempotency, which may be written as the key alone. */
export function idempotencyOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : typeof value === "string" ? { key: value } : {};
}

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };
const UNITS = [
  [86_400, "{count} days"],
  [3600, "{count} hours"],
  [60, "{count} minutes"],
  [1, "{count} seconds"],
] as const;

/** The length of a duration as a document has it; `undefined` if it is none. */
export function secondsOf(value: Json | undefined): number | undefined {
  if (typeof value === "number") return value > 0 ? value : undefined;
  const [, digits, unit] = /^([\d.]+)\s*(ms|s|m|h|d)$/.exec(typeof value === "string" ? value : "") ?? [];
  const seconds = Number(digits) * (SECONDS[unit ?? ""] ?? Number.NaN);
  return seconds > 0 ? seconds : undefined;
}

/** "6 seconds", "1.5 hours": in the largest unit that gives a short number. */
export function inWords(seconds: number): string {
  const [length, words] = UNITS.find(([unit]) => seconds >= unit) ?? UNITS[3];
  const count = Math.round((seconds / length) * 10) / 10;
  return seconds < 0.1 ? t("less than a second") : counted(words, count);
}

const IDENTIFIER = /^[A-Za-z_]\w*$/;
const DEEPEST = 3;
const MOST = 20;

/** Expressions for the single values in the data of an event. */
export function keysOf(event: Json | undefined): readonly string[] {
  const found: string[] = [];
  const add = (value: Json | undefined, path: string, depth: number): void => {
    if (!isObject(value)) return;
    for (const [name, inner] of Object.entries(value)) {
      if (!IDENTIFIER.test(name) || found.length >= MOST) continue;
      if (isObject(inner) && depth < DEEPEST) add(inner, `${path}.${name}`, depth + 1);
      else if (typeof inner === "string" || typeof inner === "number") found.push(`${path}.${name}`);
    }
  };
  if (isObject(event)) add(event.data, "event.data", 1);
  return found;
}
