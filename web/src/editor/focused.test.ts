import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDocument } from "../document/read";
import { Catalogue } from "./catalogue";
import type { FocusFollower } from "./focused";
import { followFocus } from "./focused";
import type { EditorStore } from "./store";
import { NOTHING, createEditorStore } from "./store";

function opened(): EditorStore {
  const actions = ["one", "two"].map((id) => ({ id, kind: "log" }));
  const document = openDocument({ name: "Keys", triggers: [], actions, edges: [] });
  const save = { kind: "saved", at: "" } as const;
  return createEditorStore({ workflowId: "w", catalogue: new Catalogue([], []), document, save, isReadOnly: false });
}

function goTo(id: string): void {
  document.querySelector<HTMLElement>(`[data-id="${id}"], #${id}`)?.focus();
}

describe("what keys are about", () => {
  let store: EditorStore;
  let follower: FocusFollower;

  beforeEach(() => {
    document.body.innerHTML = `
      <button id="bar"></button>
      ${["one", "two", "/note"].map((id) => `<div class="react-flow__node" tabindex="0" data-id="${id}"></div>`).join("")}
      <dialog open><input id="field" /></dialog>`;
    store = opened();
    follower = followFocus(store);
  });
  afterEach(() => {
    follower.stop();
    document.body.innerHTML = "";
  });

  const chosen = (): readonly string[] => {
    follower.select();
    return [...store.getState().selection.actions];
  };

  it("is the step to which somebody has gone since something else was selected", () => {
    goTo("two");
    store.getState().selectAction("two");
    goTo("one");
    expect(chosen()).toEqual(["one"]);
    expect(store.getState().panel).toBe("config");
  });

  it("is what has been selected since, also where a dialog has given the focus back", () => {
    goTo("one");
    store.getState().selectAction("two");
    expect(chosen()).toEqual(["two"]);
    goTo("field");
    goTo("one");
    expect(chosen()).toEqual(["two"]);
    goTo("bar");
    goTo("one");
    expect(chosen()).toEqual(["one"]);
  });

  it("is all that is selected where the step with the focus is among it", () => {
    store.getState().select({ actions: new Set(["one", "two"]), edges: new Set() });
    goTo("one");
    expect(chosen()).toEqual(["one", "two"]);
  });

  it("is the step with the focus where nothing is selected, and opens no panel", () => {
    goTo("one");
    store.getState().select(NOTHING);
    expect(chosen()).toEqual(["one"]);
    expect(store.getState().panel).toBe("none");
  });

  it("is no note", () => {
    store.getState().selectAction("two");
    document.querySelector<HTMLElement>('[data-id="/note"]')?.focus();
    expect(chosen()).toEqual(["two"]);
  });
});
