/** Where approvals can be: in words, and in the colours of runs. */

import type { Approval } from "../api/schema";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";

type Status = Approval["status"];

export const TONES: Readonly<Record<Status, string>> = {
  open: "waiting",
  approved: "completed",
  rejected: "failed",
  expired: "failed",
  cancelled: "cancelled",
};

/** What lists can be filtered by: a status, or none. */
export const WORDS: Readonly<Record<Status | "any", Message>> = {
  open: "open",
  approved: "approved",
  rejected: "rejected",
  expired: "expired",
  cancelled: "cancelled",
  any: "any",
};

export function statusText(status: string): string {
  return t(WORDS[status as keyof typeof WORDS]);
}
