/** What is to be said of a run first: where it failed, or what it waits for. Pure. */

import type { ActionError, InnerStep, RunDetail, Step, WaitsFor } from "../api/schema";
import { shownStatus } from "../canvas/painting";
import { counted, t } from "../locale/locale";
import { fullTime } from "../shell/times";
import { waitWords } from "./waterfall";
import { outcomeText } from "./words";

/** Where it failed; `step` is missing where no step did: it could not begin, or its output could not be made. */
export interface FailedAt {
  readonly step: Step | undefined;
  readonly error: ActionError;
}

export interface WaitingAt {
  readonly step: Step;
  readonly words: string;
  /** What came of its last attempt, if it is to be tried again; else "". */
  readonly failure: string;
}

/** How often a step may be attempted; `undefined` where that is not known. */
export type AttemptsOf = (id: string) => number | undefined;

export function failedAt(run: RunDetail): FailedAt | undefined {
  if (run.error === null) return undefined;
  const failed = run.steps.filter(({ status, is_handled: isHandled }) => status === "failed" && !isHandled);
  return { step: failed.find(({ error }) => error?.message === run.error?.message) ?? failed[0], error: run.error };
}

/** Waits of a moment are not worth a line: only those that are open are told, and pauses between attempts. */
export function waitingAt(run: RunDetail, now: number, attemptsOf: AttemptsOf): readonly WaitingAt[] {
  if (run.finished_at !== null) return [];
  return run.steps.flatMap((step) => {
    const failure = lastFailure(step, attemptsOf(step.id));
    return waitsOf(step, now).map((words) => ({ step, words, failure }));
  });
}

function waitsOf(step: Step, now: number): readonly string[] {
  if (step.waits_for !== null) return [sentence(queueWords(step.waits_for), step.waits_for.until)];
  const open = step.inner.filter(({ type, finished_at: end }) => type !== "code" && end === null);
  if (step.finished_at === null && open.length > 0)
    return open.map((inner) => sentence(waitWords(inner), endOf(inner)));
  if (shownStatus(step) !== "retrying" || step.due_at === null || Date.parse(step.due_at) <= now) return [];
  return [sentence(t("Waits for its next attempt"), step.due_at)];
}

/** Why a step is tried again: "Attempt 1 of 4 failed: the bank is away". */
function lastFailure(step: Step, all: number | undefined): string {
  const last = step.attempts.at(-1);
  if (last === undefined || shownStatus(step) !== "retrying") return "";
  const { number, error, outcome } = last;
  const reason = error === null ? outcomeText(outcome) : plainMessage(error.message);
  // Attempts that began to wait, or whose worker was lost, are not held against the retries: then there may be more.
  const isPlain = step.inner.length === 0 && step.attempts.every((attempt) => attempt.outcome === "retry");
  return all !== undefined && isPlain && number < all
    ? t("Attempt {number} of {all} failed: {reason}", { number, all, reason })
    : t("Attempt {number} failed: {reason}", { number, reason });
}

/** In whose queue a step stands: of which control, with which key, and how many come before it. */
export function queueWords({ control, mode, key, limit, held, ahead }: WaitsFor): string {
  const named = control === "action" || control === "kind";
  return [
    controlWords(control, mode, key, { limit, held: held ?? 0 }),
    ...(key === null || named ? [] : [t("key {key}", { key })]),
    ...(ahead === 0 ? [] : [counted("{count} before it", ahead)]),
  ].join(" · ");
}

function controlWords(
  control: WaitsFor["control"],
  mode: string | null,
  key: string | null,
  values: { readonly limit: number; readonly held: number },
): string {
  if (control === "throttle") return t("Waits for its turn under the throttle");
  if (control === "singleton") return t("Waits for the end of another run");
  if (control !== "concurrency")
    return t("Waits for the limit of {name}: {held} of {limit} under way", { ...values, name: key ?? "" });
  return mode === "runs"
    ? t("Waits for concurrency: {held} of {limit} runs under way", values)
    : t("Waits for concurrency: {held} of {limit} steps under way", values);
}

/** The message of an error without what its place in the summary says: a pointer, and the id of the step. */
export function plainMessage(message: string): string {
  return message
    .replace(/^\/inputs\/\S+: Action '[^']*' has an invalid input for '([^']*)': /, "$1: ")
    .replace(/^\/inputs\/(\S+): /, (_, path: string) => `${path.replaceAll("/", " › ")}: `);
}

/** Other runs and the items of a loop end by themselves: how long they might take at most tells nobody anything. */
function endOf({ type, until }: InnerStep): string | null {
  return type === "run" || type === "loop" ? null : until;
}

function sentence(words: string, until: string | null): string {
  return until === null ? words : `${words} ${t("until {time}", { time: fullTime(until) })}`;
}
