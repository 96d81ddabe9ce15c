import { describe, expect, it } from "vitest";
import type { DryRun, RunDetail, Step } from "../api/schema";
import { openDocument } from "../document/read";
import { paintDryRun, paintLive } from "../testrun/paint";
import { paintRun, serverEdgeIds, shownStatus } from "./painting";

const WRITTEN = {
  actions: [
    { id: "a", kind: "log" },
    { id: "b", kind: "log" },
  ],
  edges: [
    { from: "$source", to: "a" },
    { id: "own", from: "a", to: "b" },
  ],
};

/** What is shown of a step that is ready, by what came of its attempts. */
function readyAfter(...outcomes: readonly string[]): string {
  const attempts = outcomes.map((outcome) => ({ outcome })) as unknown as Step["attempts"];
  return shownStatus({ status: "ready", attempts });
}

describe("a painting", () => {
  it("finds edges by the names that the server gives them", () => {
    expect(serverEdgeIds(WRITTEN)).toEqual(["$source->a#0", "own"]);
    const graph = openDocument(WRITTEN);
    const run = { steps: [], edges: { "$source->a#0": "taken", own: "not_taken" } } as unknown as RunDetail;
    const { edges } = paintRun(run, [], graph, WRITTEN);
    expect(graph.edges.map(({ id }) => edges.get(id))).toEqual(["taken", "not_taken"]);
  });

  it("counts attempts, but not those that only began to wait", () => {
    const attempt = { outcome: "retry" };
    const times = { started_at: "2026-01-01T00:00:00Z", finished_at: "2026-01-01T00:00:02Z" };
    const step = {
      id: "a",
      status: "failed",
      attempts: [attempt, { outcome: "suspended" }, { outcome: "failed" }],
      ...times,
    };
    const run = { steps: [step], edges: {} } as unknown as RunDetail;
    expect(paintRun(run, [], openDocument(WRITTEN), WRITTEN).steps.get("a")).toEqual({
      status: "failed",
      note: "2.0 s · 2 attempts",
    });
  });

  it("tells a step that is to be tried again from one that is to begin", () => {
    const shown = [readyAfter(), readyAfter("suspended"), readyAfter("retry"), readyAfter("lost")];
    expect(shown).toEqual(["ready", "ready", "retrying", "retrying"]);
  });

  it("marks what a dry run may not execute", () => {
    const step = { id: "a", status: "waiting", attempts: 1 };
    const result = { steps: [step], edges: [], missing: [{ step: "a" }] } as unknown as DryRun;
    expect(paintDryRun(result, openDocument(WRITTEN), WRITTEN).steps.get("a")?.status).toBe("held");
  });

  it("tells a test run that goes on by what was told so far", () => {
    const states = { steps: new Map([["a", "running"]]), edges: new Map([["$source->a#0", "taken"]]) };
    const painting = paintLive(states, openDocument(WRITTEN), WRITTEN);
    expect(painting.steps.get("a")?.status).toBe("running");
    expect([...painting.edges.values()]).toEqual(["taken"]);
  });
});
