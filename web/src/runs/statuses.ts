/** What is said of the status of a run or a step. */

import type { Message } from "../locale/locale";
import { t } from "../locale/locale";

const WORDS: Readonly<Record<string, Message>> = {
  scheduled: "scheduled",
  queued: "queued",
  ready: "ready",
  retrying: "retrying",
  running: "running",
  sleeping: "sleeping",
  waiting: "waiting",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
  skipped: "skipped",
};

/** The word for a status; the status itself, if it is not known here. */
export function statusText(status: string): string {
  const word = WORDS[status];
  return word === undefined ? status : t(word);
}
