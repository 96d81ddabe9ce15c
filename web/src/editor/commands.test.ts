import { describe, expect, it } from "vitest";
import { openDocument } from "../document/read";
import { Catalogue } from "./catalogue";
import { defaultWish } from "./commands";
import type { EditorStore } from "./store";
import { createEditorStore } from "./store";

/** An editor with steps below each other, and edges between them: "a b". */
function opened(ids: readonly string[], edges: readonly string[]): EditorStore {
  const document = openDocument({
    name: "Steps",
    triggers: [],
    actions: ids.map((id) => ({ id, kind: "log" })),
    edges: edges.map((edge, index) => ({
      id: `e${index}`,
      from: edge.split(" ")[0] ?? "",
      to: edge.split(" ")[1] ?? "",
    })),
    metadata: { ui: { positions: Object.fromEntries(ids.map((id, index) => [id, { x: 0, y: 140 * index }])) } },
  });
  const save = { kind: "saved", at: "" } as const;
  return createEditorStore({ workflowId: "w", catalogue: new Catalogue([], []), document, save, isReadOnly: false });
}

describe("a step that is added without another word", () => {
  it("comes after the one that is selected", () => {
    const store = opened(["a", "b"], ["$source a", "a b"]);
    store.getState().selectAction("a");
    expect(defaultWish(store)).toEqual({ at: "after", from: "a" });
  });

  it("comes after the last one, where nothing is selected", () => {
    expect(defaultWish(opened(["a", "b"], ["$source a", "a b"]))).toEqual({ at: "after", from: "b" });
    expect(defaultWish(opened(["a", "b", "c"], ["$source a", "a b", "a c"]))).toEqual({ at: "after", from: "c" });
    expect(defaultWish(opened([], []))).toEqual({ at: "after", from: "$source" });
  });

  it("stands alone where nothing leads to the last one", () => {
    expect(defaultWish(opened(["a", "b"], []))).toEqual({ at: "free", position: undefined });
  });
});
