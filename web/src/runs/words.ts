/** Reasons, in words for people. The stable words are those of docs/reference/errors.md. */

import type { Message } from "../locale/locale";
import { t } from "../locale/locale";
import { statusText } from "./statuses";

const REASONS: Readonly<Record<string, Message>> = {
  "condition-false": "The condition does not hold.",
  "trigger-error": "The condition of the trigger could not be evaluated.",
  "depth-exceeded": "Runs have started runs too many times in a row.",
  "target-missing": "The workflow it is addressed to does not exist.",
  "target-unpublished": "The workflow it is addressed to was never published.",
  "target-disabled": "The workflow it is addressed to is switched off.",
  "inputs-refused": "Its data is not what the workflow asks for.",
  "overlap-skipped": "An earlier run was still going on.",
  "rate-limited": "It came too early for the rate limit of the workflow.",
  idempotent: "An earlier event had the same key.",
  singleton: "A run of the workflow was going on.",
  superseded: "A later event took its place while it waited for a run to end.",
  "key-error": "The key of the rate limit or of idempotency could not be evaluated.",
  "backlog-full": "Too many runs of the workflow are waiting.",
  "run-exists": "The run is there already.",
  duplicate: "An earlier event had the same id.",
  replaced: "A later event took the place of the run.",
  archived: "The workflow was archived.",
  paused: "The workflow was paused.",
  drained: "The workflow was being drained.",
  "start-failed": "The published version could not be started.",
  "branch-dead": "Everything before it was skipped, or failed.",
  "join-not-met": "Not enough of the connections that lead here were taken.",
  "skip-if": "Its own condition for skipping holds.",
  disabled: "Its author has switched it off.",
  kept: "Its result is the one of the run that this one repeats.",
  cached: "Its result is that of an earlier step with the same key.",
  "run-stopped": "Another step ended the run.",
  "cancelled-by-user": "Somebody cancelled the run.",
  "cancelled-by-event": "An event cancelled the run.",
  "start-timeout": "The first step did not begin in time.",
  "finish-timeout": "The run did not end in time.",
  "cancelled-by-pause": "The workflow was paused, and its runs cancelled.",
  "paused-too-long": "The run was frozen by a pause for too long.",
  "parent-ended": "The run that began it has ended.",
};

/** A sentence about a reason; the word itself, where there is none. */
export function reasonText(reason: string): string {
  const words = REASONS[reason];
  return words === undefined ? reason : t(words);
}

/** A sentence about why an event started no run of a workflow. */
export function decisionText(reason: string): string {
  // Of a step the word means that it is switched off itself.
  return reason === "disabled" ? t("The workflow was switched off.") : reasonText(reason);
}

const OUTCOMES: Readonly<Record<string, Message>> = {
  retry: "failed, tried again",
  lost: "its worker was lost",
  ignored: "came too late",
  suspended: "began to wait",
};

export function outcomeText(outcome: string | null): string {
  if (outcome === null) return t("running");
  const words = OUTCOMES[outcome];
  return words === undefined ? statusText(outcome) : t(words);
}
