import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openDocument, toJson } from "../document/read";
import { withOptional } from "../document/scope";
import { Catalogue } from "../editor/catalogue";
import type { Tell } from "../editor/host";
import { createEditorStore } from "../editor/store";
import type { EditorStore } from "../editor/store";
import { Telling } from "./telling";

const DOCUMENT = openDocument({ name: "0", actions: [], edges: [] });

function named(name: string): ReturnType<typeof toJson> {
  return toJson(withOptional(DOCUMENT, "name", name));
}

describe("what the page is told", () => {
  let told: [string, unknown][];
  let store: EditorStore;
  let telling: Telling;

  beforeEach(() => {
    vi.useFakeTimers();
    told = [];
    store = createEditorStore({
      workflowId: "w",
      catalogue: new Catalogue([]),
      document: DOCUMENT,
      save: { kind: "saved", at: "" },
      isReadOnly: false,
    });
    const tell: Tell = (name, detail) => told.push([name, detail]);
    telling = new Telling(store, tell);
  });
  afterEach(() => void vi.useRealTimers());

  function rename(name: string): void {
    store.getState().edit((old) => withOptional(old, "name", name), "rename");
  }

  it("is each change with what has changed, and nothing that the page has done itself", () => {
    rename("1");
    telling.take(openDocument({ name: "2", actions: [], edges: [] }), "a change of the page");
    store.getState().undo();
    expect(told).toEqual([
      ["change", { workflowId: "w", document: named("1"), patch: [{ op: "replace", path: "/name", value: "1" }] }],
      ["change", { workflowId: "w", document: named("1"), patch: [{ op: "replace", path: "/name", value: "1" }] }],
    ]);
    telling.stop();
    rename("3");
    expect(told).toHaveLength(2);
  });

  it("may come back for a second, also if somebody has typed on", async () => {
    rename("1");
    rename("2");
    expect([telling.hasJustTold(named("1")), telling.hasJustTold(named("5"))]).toEqual([true, false]);
    await vi.advanceTimersByTimeAsync(1500);
    expect(telling.hasJustTold(named("1"))).toBe(false);
  });
});
