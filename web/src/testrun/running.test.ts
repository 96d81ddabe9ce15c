import { describe, expect, it } from "vitest";
import { openDocument } from "../document/read";
import { Catalogue } from "../editor/catalogue";
import type { EditorStore } from "../editor/store";
import { createEditorStore } from "../editor/store";
import { changeTestRun, openTestRun, samplesOf } from "./running";

function opened(...ids: string[]): EditorStore {
  const document = openDocument({
    name: "Tried",
    triggers: [{ event: "shop/*" }, { event: "shop/paid" }],
    actions: ids.map((id) => ({ id, kind: "log" })),
    edges: [],
  });
  const save = { kind: "saved", at: "" } as const;
  return createEditorStore({ workflowId: "w", catalogue: new Catalogue([], []), document, save, isReadOnly: false });
}

describe("the test run of an editor", () => {
  it("begins with the first event that has a name, and the step that is selected", () => {
    const store = opened("a", "b");
    expect(openTestRun(store)).toMatchObject({ name: "shop/paid", text: "{}", part: { extent: "all", step: "a" } });
    store.getState().selectAction("b");
    expect(openTestRun(store).part.step).toBe("b");
  });

  it("is found as it was left, but for a step that is gone", () => {
    const store = opened("a", "b");
    changeTestRun(store, { text: '{"total": 1}', part: { extent: "until", step: "b" } });
    expect(openTestRun(store)).toMatchObject({ text: '{"total": 1}', part: { extent: "until", step: "b" } });
    store.getState().edit((document) => ({ ...document, actions: document.actions.slice(0, 1) }), "delete");
    expect(openTestRun(store)).toMatchObject({ text: '{"total": 1}', part: { extent: "until", step: "a" } });
  });

  it("has values for previews, over those that were known", () => {
    const step = { name: "a", kind: "log", attempts: 1, inputs: null, error: null, reason: null };
    const result = {
      status: "failed" as const,
      output: null,
      error: null,
      path: [],
      edges: [],
      missing: [],
      events: [],
      slept_seconds: 0,
      steps: [
        { ...step, id: "a", status: "completed" as const, output: 2 },
        { ...step, id: "b", status: "failed" as const, output: null },
      ],
    };
    const before = { event: { data: 0 }, outputs: new Map([["a", 1] as const, ["b", 1] as const]) };
    const samples = samplesOf(result, { data: { total: 5 } }, before);
    expect(samples.event).toEqual({ data: { total: 5 } });
    expect([...samples.outputs]).toEqual([
      ["a", 2],
      ["b", 1],
    ]);
  });
});
