import { describe, expect, it } from "vitest";
import type { RunDetail } from "../api/schema";
import { failedAt, plainMessage, waitingAt } from "./summary";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const ERROR = { name: "NonRetriableError", code: "non-retriable", message: "no paper", retryable: false };

function aStep(id: string, changes: object): object {
  return {
    id,
    name: id,
    status: "completed",
    error: null,
    is_handled: false,
    finished_at: null,
    attempts: [],
    inner: [],
    waits_for: null,
    ...changes,
  };
}

function aRun(changes: object): RunDetail {
  return { status: "running", finished_at: null, error: null, steps: [], ...changes } as unknown as RunDetail;
}

const UNKNOWN = (): undefined => undefined;

/** What is said of a step that queues. */
function queueOf(waits_for: object): string | undefined {
  return waitingAt(aRun({ steps: [aStep("call", { status: "ready", waits_for })] }), NOW, UNKNOWN)[0]?.words;
}

describe("what is said of a run first", () => {
  it("is the step at which it failed, and not one whose failure was provided for", () => {
    const steps = [
      aStep("caught", { status: "failed", error: ERROR, is_handled: true }),
      aStep("print", { status: "failed", error: ERROR }),
    ];
    expect(failedAt(aRun({ error: ERROR, steps }))?.step?.id).toBe("print");
    expect(failedAt(aRun({ error: ERROR }))).toEqual({ step: undefined, error: ERROR });
    expect(failedAt(aRun({ steps }))).toBeUndefined();
  });

  it("is what is waited for, and until when, while it goes on", () => {
    const until = "2026-03-04T12:00:00Z";
    const inner = [
      { id: "ask/a", type: "approval", name: "", finished_at: null, until },
      { id: "ask/b", type: "code", name: "", finished_at: null, until: null },
      { id: "ask/c", type: "sleep", name: "", finished_at: until, until: null },
      { id: "ask/d", type: "run", name: "bill", finished_at: null, until },
    ];
    const steps = [aStep("ask", { status: "waiting", inner })];
    const words = waitingAt(aRun({ steps }), NOW, UNKNOWN).map((each) => each.words);
    expect(words).toHaveLength(2);
    expect(words[0]).toMatch(/^Waits for an approval until .*2026/);
    expect(words[1]).toBe("Waits for a run of bill");
    expect(waitingAt(aRun({ steps, finished_at: until }), NOW, UNKNOWN)).toEqual([]);
  });

  it("is the end of a sleep, too, and nothing of a step that has ended", () => {
    const inner = [{ id: "rest/wait", type: "sleep", name: "", finished_at: null, until: "2026-03-04T12:00:00Z" }];
    const sleeping = aStep("rest", { status: "sleeping", inner });
    expect(waitingAt(aRun({ steps: [sleeping] }), NOW, UNKNOWN)[0]?.words).toMatch(/^Sleeps until .*2026/);
    const ended = { ...sleeping, finished_at: "2026-03-01T11:00:00Z" };
    expect(waitingAt(aRun({ steps: [ended] }), NOW, UNKNOWN)).toEqual([]);
  });

  it("has no pointers in it", () => {
    const message = "/inputs/duration: Action 'rest' has an invalid input for 'duration': Expected a duration";
    expect(plainMessage(message)).toBe("duration: Expected a duration");
    expect(plainMessage("/inputs/to: 'ada' is no e-mail address")).toBe("to: 'ada' is no e-mail address");
    expect(plainMessage("/inputs/cc/0: 'ada' is no e-mail address")).toBe("cc › 0: 'ada' is no e-mail address");
    expect(plainMessage("no paper")).toBe("no paper");
  });

  it("is the control in whose queue a step stands", () => {
    const throttle = {
      control: "throttle",
      mode: null,
      key: "north",
      limit: 2,
      held: null,
      period_seconds: 60,
      ahead: 3,
      until: "2026-03-01T12:05:00Z",
    };
    expect(queueOf(throttle)).toMatch(/^Waits for its turn under the throttle · key north · 3 before it until .*2026/);
    const runs = { ...throttle, control: "concurrency", mode: "runs", key: null, held: 2, ahead: 0, until: null };
    expect(queueOf(runs)).toBe("Waits for concurrency: 2 of 2 runs under way");
    expect(queueOf({ ...runs, control: "singleton", mode: null, key: "north", ahead: 1 })).toBe(
      "Waits for the end of another run · key north · 1 before it",
    );
    expect(queueOf({ ...runs, control: "action", mode: null, key: "pay" })).toBe(
      "Waits for the limit of pay: 2 of 2 under way",
    );
  });

  it("is the pause before another attempt, and why there is one", () => {
    const failed = { number: 1, outcome: "retry", error: { ...ERROR, message: "the bank is away" } };
    const step = aStep("call", { status: "ready", attempts: [failed], due_at: "2026-03-01T12:05:00Z" });
    const failureOf = (changes: object, all: number | undefined): string | undefined =>
      waitingAt(aRun({ steps: [{ ...step, ...changes }] }), NOW, () => all)[0]?.failure;
    const steps = [step];
    expect(waitingAt(aRun({ steps }), NOW, UNKNOWN)[0]?.words).toMatch(/^Waits for its next attempt until /);
    expect(waitingAt(aRun({ steps }), NOW + 600_000, UNKNOWN)).toEqual([]);
    expect(failureOf({}, 4)).toBe("Attempt 1 of 4 failed: the bank is away");
    expect(failureOf({}, undefined)).toBe("Attempt 1 failed: the bank is away");
    // Attempts that only began to wait do not count, so that nobody can say how many there may be.
    const attempts = [
      { number: 1, outcome: "suspended" },
      { ...failed, number: 2 },
    ];
    expect(failureOf({ attempts }, 4)).toBe("Attempt 2 failed: the bank is away");
    expect(failureOf({ attempts: [{ number: 1, outcome: "lost", error: null }] }, 4)).toBe(
      "Attempt 1 failed: its worker was lost",
    );
    // One that has only waited is not tried again.
    expect(failureOf({ attempts: attempts.slice(0, 1) }, 4)).toBeUndefined();
  });
});
