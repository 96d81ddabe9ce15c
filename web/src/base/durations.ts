/** Durations as documents have them: "3d", or a number of seconds. */

export const DURATION_UNITS = ["ms", "s", "m", "h", "d"] as const;
export type DurationUnit = (typeof DURATION_UNITS)[number];

export interface Duration {
  /** As it is written: "1.5". */
  readonly amount: string;
  readonly unit: DurationUnit;
}

const UNIT_MS: Readonly<Record<DurationUnit, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const LONGEST_MS = 366 * UNIT_MS.d;
const WRITTEN = /^(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|m|h|d)$/;

/** What a text says; `undefined` of one that says no duration. */
export function readDuration(text: unknown): Duration | undefined {
  const found = typeof text === "string" ? WRITTEN.exec(text) : null;
  return found === null ? undefined : { amount: found[1] ?? "", unit: found[2] as DurationUnit };
}

/** Whether a text is a duration that something may wait: more than nothing, and at most 366 days. */
export function isDurationText(text: string): boolean {
  const found = readDuration(text);
  if (found === undefined) return false;
  const length = Number(found.amount) * UNIT_MS[found.unit];
  return length > 0 && length <= LONGEST_MS;
}
