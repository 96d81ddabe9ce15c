/** What other settings would have made of past events, counted. */

import type { Simulation } from "../../api/schema";
import type { Message } from "../../locale/locale";
import { t } from "../../locale/locale";

export interface Outcome {
  readonly events: number;
  readonly runs: number;
  /** Events whose run was that of another event, too: of a batch or a window. */
  readonly shared: number;
  readonly cancelled: number;
  /** How many events were skipped, by reason, most first. */
  readonly skipped: readonly (readonly [reason: string, count: number])[];
  /** The longest that a throttle kept a run waiting, in seconds. */
  readonly longestWait: number;
  /** How long each run was taken to last, in seconds, and of how many ended runs that is the median. */
  readonly runSeconds: number;
  readonly measuredRuns: number;
}

export function outcomeOf({ runs, items, run_seconds, measured_runs }: Simulation): Outcome {
  const skipped = new Map<string, number>();
  let [shared, cancelled, longestWait] = [0, 0, 0];
  for (const item of items) {
    if (item.fate === "skipped") skipped.set(item.reason ?? "", (skipped.get(item.reason ?? "") ?? 0) + 1);
    if (item.fate === "cancelled") cancelled += 1;
    if (item.run !== null && item.run !== item.event_id) shared += 1;
    if (item.starts_at !== null)
      longestWait = Math.max(longestWait, (Date.parse(item.starts_at) - Date.parse(item.at)) / 1000);
  }
  const reasons = [...skipped].toSorted(([, one], [, other]) => other - one);
  const assumed = { runSeconds: run_seconds, measuredRuns: measured_runs };
  return { events: items.length, runs, shared, cancelled, skipped: reasons, longestWait, ...assumed };
}

const REASONS: Readonly<Record<string, Message>> = {
  "rate-limited": "came too early for the rate limit",
  idempotent: "had the key of an earlier event",
  singleton: "came while a run of the singleton went on",
  superseded: "made way for a later event",
  duplicate: "had the id of an earlier event",
  "key-error": "have no key: the expression cannot be evaluated",
};

export function reasonInWords(reason: string): string {
  const words = REASONS[reason];
  return words === undefined ? reason : t(words);
}
