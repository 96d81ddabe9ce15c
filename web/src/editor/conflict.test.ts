import { describe, expect, it } from "vitest";
import { ApiError } from "../api/client";
import type { TaggedDraft } from "../api/client";
import type { Json } from "../base/json";
import { toJson } from "../document/read";
import { Catalogue } from "./catalogue";
import { keepMine, takeTheirs } from "./conflict";
import { prepare } from "./prepare";
import { DraftSaver } from "./saving";
import type { EditorStore } from "./store";
import { createEditorStore } from "./store";

function written(name: string): Json {
  return { name, triggers: [], actions: [{ id: "a", kind: "log" }], edges: [] };
}

function draft(document: Json, revision: number): TaggedDraft {
  const value = { workflow_id: "w", revision, document: document as never, updated_at: "2026-01-01T00:00:00Z" };
  return { draft: value, etag: `"${revision}"` };
}

interface Conflict {
  readonly store: EditorStore;
  readonly saver: DraftSaver;
  readonly theirs: Json;
  readonly stored: () => string;
  readonly shown: () => string;
}

/** An editor with a change of its own, in which somebody else's save was met. */
async function conflict(): Promise<Conflict> {
  let stored = draft(written("theirs"), 2);
  const document = prepare(written("base"));
  const save = { kind: "saved", at: "" } as const;
  const store = createEditorStore({
    workflowId: "w",
    catalogue: new Catalogue([], []),
    document,
    save,
    isReadOnly: false,
  });
  const saver = new DraftSaver(draft(written("base"), 1), toJson(document), {
    load: () => Promise.resolve(stored),
    save: (value, etag) => {
      if (etag !== stored.etag) return Promise.reject(new ApiError(412, "stale-revision", "stale"));
      stored = draft(value, stored.draft.revision + 1);
      return Promise.resolve(stored);
    },
    keeper: { read: () => undefined, write: () => undefined, clear: () => undefined },
    onChange: (state) => store.setState({ save: state }),
  });
  store.subscribe((state, before) => {
    if (state.history.present !== before.history.present) saver.change(toJson(state.history.present));
  });
  store.getState().selectAction("a");
  store.getState().edit((old) => ({ ...old, name: "mine" }), "rename");
  expect((await saver.flush()).kind).toBe("conflict");
  return {
    store,
    saver,
    theirs: stored.draft.document,
    stored: () => String((stored.draft.document as { name?: Json }).name),
    shown: () => store.getState().history.present.name ?? "",
  };
}

describe("a conflict", () => {
  it("that is ended with the other's version can be undone: one's own comes back, and is saved", async () => {
    const { store, saver, theirs, stored, shown } = await conflict();
    takeTheirs(store, saver, theirs);
    expect([shown(), stored(), saver.isDirty]).toEqual(["theirs", "theirs", false]);
    store.getState().undo();
    expect(shown()).toBe("mine");
    expect((await saver.flush()).kind).toBe("saved");
    expect(stored()).toBe("mine");
  });

  it("that is ended with one's own version can be undone: the other's comes back, and is saved", async () => {
    const { store, saver, theirs, stored, shown } = await conflict();
    keepMine(store, saver, theirs);
    await saver.flush();
    expect([shown(), stored()]).toEqual(["mine", "mine"]);
    expect([...store.getState().selection.actions]).toEqual(["a"]);
    store.getState().undo();
    await saver.flush();
    expect([shown(), stored()]).toEqual(["theirs", "theirs"]);
    store.getState().undo();
    expect(shown()).toBe("mine");
    store.getState().undo();
    expect(shown()).toBe("base");
  });
});
