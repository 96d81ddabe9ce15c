import { describe, expect, it } from "vitest";
import type { DryRun } from "../api/schema";
import { merged, partOf } from "./part";

function aRun(...outputs: readonly (readonly [string, number])[]): DryRun {
  const steps = outputs.map(([id, output]) => ({
    id,
    kind: "x",
    name: id,
    status: "completed" as const,
    inputs: {},
    output,
    error: null,
    attempts: 1,
    reason: null,
  }));
  const rest = { path: [], edges: [], missing: [], events: [], slept_seconds: 0 };
  return { status: "completed", output: null, error: null, steps, ...rest };
}

describe("partOf", () => {
  it("says nothing of a whole run, and one thing of a run up to a step", () => {
    expect(partOf({ extent: "all", step: "b" }, {}, undefined)).toEqual({});
    expect(partOf({ extent: "until", step: "b" }, {}, undefined)).toEqual({ until: "b" });
    expect(partOf({ extent: "only", step: "" }, {}, undefined)).toEqual({});
  });

  it("gives one step alone what is known of the others, pins first", () => {
    const stubs = { "node:a": { output: 10 }, "step:a/x": { output: 1 }, "node:c": { error: { message: "no" } } };
    const part = partOf({ extent: "only", step: "b" }, stubs, aRun(["a", 1], ["b", 2], ["d", 4]));
    expect(part).toEqual({ until: "b", state: { a: 10, d: 4 } });
  });
});

describe("merged", () => {
  it("keeps what is known of other steps", () => {
    expect(merged(aRun(["a", 1], ["b", 2]), aRun(["b", 3])).steps.map(({ id, output }) => [id, output])).toEqual([
      ["a", 1],
      ["b", 3],
    ]);
  });
});
