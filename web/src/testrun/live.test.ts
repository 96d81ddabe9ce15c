import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import type { DryRun } from "../api/schema";
import { api } from "../api/session";
import { runLive } from "./live";
import type { LiveStates } from "./paint";

const RESULT = { status: "completed", steps: [], edges: [] } as unknown as DryRun;

function frame(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

function answer(...pieces: readonly string[]): Response {
  const bytes = pieces.map((piece) => new TextEncoder().encode(piece));
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const next = bytes.shift();
      if (next === undefined) controller.close();
      else controller.enqueue(next);
    },
  });
  return new Response(body);
}

function state(step: string, status: string): string {
  return frame("state", { steps: [{ id: step, status }], edges: [{ id: "e", state: "taken" }] });
}

describe("a test run that is followed", () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  it("tells all that is known with each change, and at last the result", async () => {
    const whole = `:\n\n${state("a", "running")}${state("a", "completed")}${frame("result", RESULT)}`;
    vi.spyOn(api, "followDryRun").mockResolvedValue(answer(whole.slice(0, 20), whole.slice(20)));
    const told: LiveStates[] = [];
    const options = { onStates: (states: LiveStates) => told.push(states), signal: new AbortController().signal };
    await expect(runLive("w", {}, options)).resolves.toEqual(RESULT);
    expect(told.map(({ steps }) => steps.get("a"))).toEqual(["running", "completed"]);
    expect(told[0]?.edges.get("e")).toBe("taken");
  });

  it("begins again after a connection that was lost, and gives up in the end", async () => {
    vi.useFakeTimers();
    const follow = vi
      .spyOn(api, "followDryRun")
      .mockImplementation(() => Promise.resolve(answer(state("a", "running"))));
    const told: LiveStates[] = [];
    const options = { onStates: (states: LiveStates) => told.push(states), signal: new AbortController().signal };
    const failing = expect(runLive("w", {}, options)).rejects.toMatchObject({ status: 0 });
    await vi.runAllTimersAsync();
    await failing;
    expect(follow).toHaveBeenCalledTimes(4);
    follow.mockResolvedValue(answer(frame("result", RESULT)));
    await expect(runLive("w", {}, options)).resolves.toEqual(RESULT);
  });

  it("does not begin again what the server refuses", async () => {
    const refusal = { status: 413, code: "limit-exceeded", detail: "too long", problems: [] };
    const follow = vi.spyOn(api, "followDryRun").mockResolvedValue(answer(frame("problem", refusal)));
    const options = { onStates: () => undefined, signal: new AbortController().signal };
    await expect(runLive("w", {}, options)).rejects.toMatchObject({ code: "limit-exceeded", message: "too long" });
    follow.mockRejectedValue(new ApiError(422, "invalid-definition", "no"));
    await expect(runLive("w", {}, options)).rejects.toMatchObject({ status: 422 });
    expect(follow).toHaveBeenCalledTimes(2);
  });

  it("ends without a result when it is stopped", async () => {
    const stop = new AbortController();
    vi.spyOn(api, "followDryRun").mockImplementation(() => {
      stop.abort();
      return Promise.reject(new ApiError(0, "unreachable", "gone"));
    });
    await expect(runLive("w", {}, { onStates: () => undefined, signal: stop.signal })).resolves.toBeUndefined();
  });
});
