/** When things happened in a run, as rows of bars. Pure: the present time is given. */

import type { Attempt, ChildRun, InnerStep, RunDetail, Step } from "../api/schema";
import { shownStatus } from "../canvas/painting";
import { t } from "../locale/locale";

export type BarKind = "queue" | "run" | "failed" | "wait" | "retry";

export interface Bar {
  readonly kind: BarKind;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** What it is, for people. */
  readonly label: string;
  /** Whether it still grows. */
  readonly isOpen: boolean;
}

export interface Row {
  /** Unique among the rows. */
  readonly key: string;
  readonly label: string;
  readonly depth: 0 | 1;
  readonly status: string;
  readonly bars: readonly Bar[];
  /** The step that it belongs to; none for the run itself. */
  readonly step: string | undefined;
  /** The run that it is. */
  readonly childRun: string | undefined;
}

export interface Waterfall {
  readonly start: number;
  readonly end: number;
  readonly rows: readonly Row[];
}

/** Where a bar stands, in percent of the width. */
export interface Extent {
  readonly left: number;
  readonly width: number;
}

/** Which steps a step follows. `undefined` where the graph is not known. */
export type Sources = (stepId: string) => readonly string[] | undefined;

export function waterfallOf(run: RunDetail, sources: Sources, now: number): Waterfall {
  const start = Date.parse(run.created_at);
  const rows = [runRow(run, now), ...run.steps.flatMap((step) => stepRows(run, step, sources, now))];
  const ends = rows.flatMap(({ bars }) => bars.map(({ to }) => to));
  return { start, end: Math.max(start + 1, ...ends), rows };
}

export function extentOf(bar: Bar, { start, end }: Pick<Waterfall, "start" | "end">): Extent {
  const length = end - start;
  return { left: (100 * (bar.from - start)) / length, width: (100 * (bar.to - bar.from)) / length };
}

/** Round times for marks on a part of the axis, as milliseconds from `origin`. */
export function marksOf({ start, end }: Pick<Waterfall, "start" | "end">, origin = start, most = 6): readonly number[] {
  const length = end - start;
  const step = ROUND_STEPS.find((candidate) => length / candidate <= most) ?? Math.ceil(length / most / DAY) * DAY;
  const first = Math.ceil((start - origin) / step) * step;
  // What is written beside the last one needs room.
  const last = start - origin + length * LAST_MARK;
  return Array.from({ length: most + 1 }, (_, index) => first + index * step).filter((mark) => mark <= last);
}

const LAST_MARK = 0.92;
const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];
const ROUND_STEPS: readonly number[] = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  ...[1, 2, 5, 10, 20, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 20, 30].map((count) => count * MINUTE),
  ...[1, 2, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 7, 14, 30].map((count) => count * DAY),
];

function runRow(run: RunDetail, now: number): Row {
  const bars = lifetime(run, now);
  return { key: "run", label: t("This run"), depth: 0, status: run.status, bars, step: undefined, childRun: undefined };
}

/** Queue time and the rest, of a run that may not have begun. */
function lifetime(run: RunDetail | ChildRun, now: number): readonly Bar[] {
  const created = Date.parse(run.created_at);
  const started = timeOf(run.started_at) ?? timeOf(run.finished_at) ?? now;
  const queue = barOf(
    "queue",
    created,
    started,
    t("In the queue"),
    run.started_at === null && run.finished_at === null,
  );
  if (run.started_at === null) return [queue];
  const kind = run.status === "failed" ? "failed" : "run";
  return [
    queue,
    barOf(kind, started, timeOf(run.finished_at) ?? now, t("From start to end"), run.finished_at === null),
  ];
}

function stepRows(run: RunDetail, step: Step, sources: Sources, now: number): readonly Row[] {
  if (step.attempts.length === 0 && step.inner.length === 0 && step.status !== "ready") return [];
  const own = { step: step.id, childRun: undefined };
  return [
    {
      key: step.id,
      label: step.name,
      depth: 0,
      status: shownStatus(step),
      bars: stepBars(run, step, sources, now),
      ...own,
    },
    ...step.inner.map((inner): Row => innerRow(step, inner, now)),
    ...run.children.filter((child) => owns(step, child)).map((child): Row => childRow(step, child, now)),
  ];
}

/** Whether a run was begun by a step, or by something that its handler opened. */
export function owns(step: Pick<Step, "id">, child: ChildRun): boolean {
  return child.parent_step === step.id || child.parent_step?.startsWith(`${step.id}/`) === true;
}

function stepBars(run: RunDetail, step: Step, sources: Sources, now: number): readonly Bar[] {
  const ready = readyAt(run, step, sources);
  const first = timeOf(step.started_at) ?? timeOf(step.finished_at) ?? now;
  const queue = ready === undefined || ready >= first ? [] : [barOf("queue", ready, first, t("In the queue"), false)];
  const bars = step.attempts.flatMap((attempt, index): Bar[] => {
    const next = step.attempts[index + 1];
    return attemptBars(attempt, next, step, now);
  });
  return [...queue, ...bars];
}

function attemptBars(attempt: Attempt, next: Attempt | undefined, step: Step, now: number): Bar[] {
  const started = Date.parse(attempt.started_at);
  const end = timeOf(attempt.finished_at);
  const isBad = attempt.error !== null || attempt.outcome === "failed" || attempt.outcome === "lost";
  const ended = end ?? timeOf(step.finished_at) ?? now;
  const own = barOf(
    isBad ? "failed" : "run",
    started,
    ended,
    t("Attempt {number}", { number: attempt.number }),
    end === undefined,
  );
  if (end === undefined) return [own];
  const until = timeOf(next?.started_at) ?? timeOf(step.finished_at) ?? now;
  const isOpen = next === undefined && step.finished_at === null;
  if (attempt.outcome === "suspended") return [own, barOf("wait", end, until, t("Waiting"), isOpen)];
  if (attempt.outcome === "retry" || attempt.outcome === "lost")
    return [own, barOf("retry", end, until, t("Until the next attempt"), isOpen)];
  return [own];
}

/** When a step could have begun: when the last of those before it had ended. */
function readyAt(run: RunDetail, step: Step, sources: Sources): number | undefined {
  const before = sources(step.id);
  if (before === undefined) return undefined;
  const ends = before.flatMap((id) => timeOf(run.steps.find((other) => other.id === id)?.finished_at) ?? []);
  return Math.max(timeOf(run.created_at) ?? 0, ...ends);
}

function innerRow(step: Step, inner: InnerStep, now: number): Row {
  const label = inner.id.slice(step.id.length + 1);
  const end = timeOf(inner.finished_at);
  const ended = end ?? timeOf(step.finished_at) ?? now;
  const start = timeOf(inner.started_at) ?? ended;
  const isWait = inner.type !== "code";
  const kind = isWait ? "wait" : inner.status === "completed" ? "run" : "failed";
  const words = isWait ? waitWords(inner) : t("Its result was stored");
  const bars = [barOf(kind, start, ended, words, end === undefined && step.finished_at === null)];
  return { key: inner.id, label, depth: 1, status: inner.status, bars, step: step.id, childRun: undefined };
}

function childRow(step: Step, child: ChildRun, now: number): Row {
  const label = child.key === null ? child.workflow_id : t("Item {key}", { key: child.key });
  const bars = lifetime(child, now);
  return { key: child.id, label, depth: 1, status: child.status, bars, step: step.id, childRun: child.id };
}

/** What is waited for, in a few words. */
export function waitWords({ type, name }: Pick<InnerStep, "type" | "name">): string {
  const words: Readonly<Record<string, () => string>> = {
    sleep: () => t("Sleeps"),
    event: () => t("Waits for the event {name}", { name }),
    signal: () => t("Waits for the signal {name}", { name }),
    run: () => (name === "" ? t("Waits for a run of a part") : t("Waits for a run of {name}", { name })),
    loop: () => t("Waits for the items of the loop"),
    approval: () => t("Waits for an approval"),
    callback: () => t("Waits for a call from outside"),
  };
  return words[type]?.() ?? t("Waits");
}

function barOf(kind: BarKind, from: number, to: number, label: string, isOpen: boolean): Bar {
  return { kind, from, to: Math.max(from, to), label, isOpen };
}

function timeOf(moment: string | null | undefined): number | undefined {
  return moment === null || moment === undefined ? undefined : Date.parse(moment);
}
