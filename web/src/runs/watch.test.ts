import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import type { RunDetail } from "../api/schema";
import type { StreamState } from "../realtime/subscribe";
import { RunWatcher } from "./watch";

function aRun(status: string, revision: number): RunDetail {
  return { id: "r", status, handled_failures: revision } as unknown as RunDetail;
}

describe("watching a run", () => {
  let stored: RunDetail;
  let looks: number;
  let shown: string[];
  let errors: number[];
  let loadMs: number;
  let failure: ApiError | undefined;
  let onNews: (() => void) | undefined;
  let onState: ((state: StreamState) => void) | undefined;
  let closed: number;
  let watcher: RunWatcher;

  beforeEach(() => {
    vi.useFakeTimers();
    [stored, looks, shown, errors, loadMs] = [aRun("running", 1), 0, [], [], 10];
    [failure, onNews, onState, closed] = [undefined, undefined, undefined, 0];
    watcher = new RunWatcher({
      load: async () => {
        looks += 1;
        await new Promise((resolve) => setTimeout(resolve, loadMs));
        if (failure !== undefined) throw failure;
        return stored;
      },
      follow: (news, state) => {
        [onNews, onState] = [news, state];
        return { close: () => (closed += 1) };
      },
      onRun: ({ status, handled_failures }) => shown.push(`${status} ${handled_failures}`),
      onError: ({ status }) => errors.push(status),
    });
    watcher.start();
  });

  afterEach(() => {
    watcher.stop();
    vi.useRealTimers();
  });

  async function live(): Promise<void> {
    await vi.advanceTimersByTimeAsync(20);
    onState?.("active");
  }

  it("shows what has happened soon after the stream tells of it", async () => {
    await live();
    stored = aRun("running", 2);
    onNews?.();
    await vi.advanceTimersByTimeAsync(300);
    expect(shown).toEqual(["running 1", "running 2"]);
  });

  it("looks seldom while a stream is there, and often while there is none", async () => {
    await live();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(looks).toBeLessThan(8);
    onState?.("error");
    await vi.advanceTimersByTimeAsync(6000);
    stored = aRun("running", 2);
    await vi.advanceTimersByTimeAsync(6000);
    expect(shown.at(-1)).toBe("running 2");
    const before = looks;
    await vi.advanceTimersByTimeAsync(2000);
    expect(looks - before).toBeGreaterThan(0);
  });

  it("gathers news that come faster than it can look, and misses none of them", async () => {
    await live();
    loadMs = 400;
    for (let revision = 2; revision <= 40; revision += 1) {
      stored = aRun("running", revision);
      onNews?.();
      await vi.advanceTimersByTimeAsync(50);
    }
    await vi.advanceTimersByTimeAsync(2000);
    expect(shown.at(-1)).toBe("running 40");
    expect(looks).toBeLessThan(8);
  });

  it("is done when the run is", async () => {
    await live();
    stored = aRun("completed", 2);
    onNews?.();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(shown).toEqual(["running 1", "completed 2"]);
    expect(looks).toBe(2);
    expect(closed).toBeGreaterThan(0);
  });

  it("goes on behind an error that may pass, and ends with one that will not", async () => {
    await live();
    failure = new ApiError(503, "store-unavailable", "away");
    onNews?.();
    await vi.advanceTimersByTimeAsync(1000);
    failure = undefined;
    stored = aRun("running", 2);
    await vi.advanceTimersByTimeAsync(6000);
    expect(errors).toEqual([503]);
    expect(shown.at(-1)).toBe("running 2");
    failure = new ApiError(404, "not-found", "gone");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(errors).toEqual([503, 404]);
  });
});
