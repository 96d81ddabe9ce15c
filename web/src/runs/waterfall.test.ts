import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChildRun, RunDetail, Step } from "../api/schema";
import { extentOf, marksOf, waterfallOf } from "./waterfall";

const START = Date.parse("2026-01-01T00:00:00Z");

function at(milliseconds: number): string {
  return new Date(START + milliseconds).toISOString();
}

function aRun(changes: Partial<RunDetail>): RunDetail {
  return {
    id: "r",
    workflow_id: "w",
    version: 1,
    event_id: "e",
    status: "completed",
    handled_failures: 0,
    rerun_of: null,
    path: null,
    parent_run_id: null,
    parent_step: null,
    error: null,
    reason: null,
    cause: null,
    created_at: at(0),
    started_at: at(100),
    finished_at: at(1000),
    output: null,
    workflow_name: "W",
    event: {} as RunDetail["event"],
    workflow_hash: "h",
    steps: [],
    edges: {},
    children: [],
    ...changes,
  } as RunDetail;
}

function aStep(id: string, changes: Partial<Step>): Step {
  return {
    id,
    kind: "log",
    name: id,
    status: "completed",
    inputs: {},
    output: null,
    error: null,
    is_handled: false,
    reason: null,
    attempts: [],
    started_at: null,
    finished_at: null,
    due_at: null,
    inner: [],
    ...changes,
  } as Step;
}

function anAttempt(number: number, from: number, to: number | null, outcome: string | null): Step["attempts"][number] {
  const finished_at = to === null ? null : at(to);
  return { number, outcome, error: null, worker: "w", started_at: at(from), finished_at, retry_at: null };
}

function bars(run: RunDetail, key: string, now = 5000): unknown[] {
  const { rows } = waterfallOf(run, (id) => (id === "second" ? ["first"] : []), START + now);
  const row = rows.find((candidate) => candidate.key === key);
  return (row?.bars ?? []).map(({ kind, from, to, isOpen }) => [kind, from - START, to - START, isOpen]);
}

describe("the waterfall of a run", () => {
  it("tells queue time from run time", () => {
    const first = aStep("first", {
      started_at: at(100),
      finished_at: at(400),
      attempts: [anAttempt(1, 100, 400, "completed")],
    });
    const second = aStep("second", {
      started_at: at(600),
      finished_at: at(900),
      attempts: [anAttempt(1, 600, 900, "completed")],
    });
    const run = aRun({ steps: [first, second] });
    expect(bars(run, "run")).toEqual([
      ["queue", 0, 100, false],
      ["run", 100, 1000, false],
    ]);
    expect(bars(run, "first")).toEqual([
      ["queue", 0, 100, false],
      ["run", 100, 400, false],
    ]);
    expect(bars(run, "second")).toEqual([
      ["queue", 400, 600, false],
      ["run", 600, 900, false],
    ]);
  });

  it("has a bar for each attempt, and the pauses between them", () => {
    const attempts = [
      anAttempt(1, 0, 100, "retry"),
      anAttempt(2, 300, 400, "suspended"),
      anAttempt(3, 900, null, null),
    ];
    const run = aRun({
      status: "running",
      finished_at: null,
      steps: [aStep("s", { status: "running", started_at: at(0), attempts })],
    });
    expect(bars(run, "s")).toEqual([
      ["run", 0, 100, false],
      ["retry", 100, 300, false],
      ["run", 300, 400, false],
      ["wait", 400, 900, false],
      ["run", 900, 5000, true],
    ]);
  });

  it("shows what a step waits for until now, and leads to the runs that it began", () => {
    const inner = {
      id: "s/nap",
      type: "sleep",
      name: "",
      condition: null,
      status: "sleeping",
      output: null,
      error: null,
    };
    const step = aStep("s", {
      status: "sleeping",
      attempts: [anAttempt(1, 0, 10, "suspended")],
      inner: [{ ...inner, started_at: at(10), finished_at: null, until: at(90_000) } as Step["inner"][number]],
    });
    const child = { ...aRun({}), id: "c", parent_step: "s/$items", key: "k", index: 0 } as ChildRun;
    const run = aRun({
      status: "waiting",
      finished_at: null,
      steps: [step, aStep("never", { status: "skipped" })],
      children: [child],
    });
    expect(bars(run, "s/nap")).toEqual([["wait", 10, 5000, true]]);
    const { rows } = waterfallOf(run, () => [], START + 5000);
    expect(rows.map(({ key, childRun }) => [key, childRun])).toEqual([
      ["run", undefined],
      ["s", undefined],
      ["s/nap", undefined],
      ["c", "c"],
    ]);
  });

  it("puts bars where their times are", () => {
    const span = { start: START, end: START + 2000 };
    const bar = { kind: "run", from: START + 500, to: START + 1500, label: "", isOpen: false } as const;
    expect(extentOf(bar, span)).toEqual({ left: 25, width: 50 });
  });

  it("marks round times, few of them, and never beyond the end", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 * 86_400_000 }), (length) => {
        const marks = marksOf({ start: START, end: START + length });
        expect(marks.length).toBeGreaterThanOrEqual(1);
        expect(marks.length).toBeLessThanOrEqual(7);
        expect(marks.at(-1) ?? 0).toBeLessThanOrEqual(length);
      }),
    );
  });
});
