import { describe, expect, it } from "vitest";
import { copyText, paste, readCopied } from "./clipboard";
import { remove, renameAction } from "./edits";
import { addGroup, changeGroup, groupsOf } from "./groups";
import { addNote, notesOf } from "./notes";
import { openDocument } from "./read";
import { uiValue } from "./scope";
import type { Scope, WorkflowDocument } from "./types";

const ids = ["a", "b", "c"];
const START = openDocument({ actions: ids.map((id) => ({ id, kind: "log" })), edges: [] });

function groups(document: WorkflowDocument, scope: Scope = []): [string, ...string[]][] {
  return [...groupsOf(document, scope).values()].map(({ name, members }) => [name, ...members]);
}

describe("groups", () => {
  it("have each step once: whoever is put into another leaves the first", () => {
    const first = addGroup(START, [], ["a", "b", "b", "nobody"], "First");
    expect(groups(first)).toEqual([["First", "a", "b"]]);
    const second = addGroup(first, [], ["b", "c"], "Second");
    expect(groups(second)).toEqual([
      ["First", "a"],
      ["Second", "b", "c"],
    ]);
    expect(groups(addGroup(second, [], ["a"], "Third"))).toEqual([
      ["Second", "b", "c"],
      ["Third", "a"],
    ]);
    expect([...groupsOf(second, []).values()].find(({ members }) => members.includes("c"))?.name).toBe("Second");
    expect(addGroup(START, [], ["nobody"], "Empty")).toBe(START);
  });

  it("follow their steps to other ids and to copies, and go with the last of them", () => {
    const grouped = addGroup(START, [], ["a", "b"], "Pair");
    expect(groups(renameAction(grouped, [], "a", "first"))).toEqual([["Pair", "first", "b"]]);
    const copied = readCopied(copyText(grouped, [], new Set(["b", "c"])));
    expect(copied).toBeDefined();
    if (copied === undefined) return;
    expect(groups(paste(grouped, [], copied).document)).toEqual([
      ["Pair", "a", "b"],
      ["Pair", "b_2"],
    ]);
    const one = remove(grouped, [], new Set(["a"]), new Set());
    expect(groups(one)).toEqual([["Pair", "b"]]);
    expect(uiValue(remove(one, [], new Set(["b"]), new Set()), "groups")).toEqual({});
  });

  it("are renamed and dissolved, and their steps stay", () => {
    const grouped = addGroup(START, [], ["a", "b"], "Pair");
    const [id = ""] = groupsOf(grouped, []).keys();
    expect(groups(changeGroup(grouped, [], id, (old) => ({ ...old, name: "Two" })))).toEqual([["Two", "a", "b"]]);
    const gone = changeGroup(grouped, [], id, () => undefined);
    expect([groups(gone), gone.actions.length]).toEqual([[], 3]);
    expect(changeGroup(grouped, [], "nobody", () => undefined)).toBe(grouped);
  });

  it("are read as far as they are some", () => {
    const written = { x: { name: 1, members: ["a", "a", "gone", 7] }, y: { members: ["a"] }, z: 3 };
    const read = openDocument({
      actions: [{ id: "a", kind: "log" }],
      edges: [],
      metadata: { ui: { groups: written } },
    });
    expect(groups(read)).toEqual([["1", "a"]]);
  });

  it("inside of a loop follow it to its new id, like notes, and go with it", () => {
    const body = { actions: [{ id: "inner", kind: "log" }], edges: [] };
    const loop = openDocument({ actions: [{ id: "loop", kind: "builtin:for_each", body }], edges: [] });
    const kept = addNote(addGroup(loop, ["loop"], ["inner"], "Inside"), ["loop"], { x: 1, y: 2 });
    const renamed = renameAction(kept, [], "loop", "each");
    expect(groups(renamed, ["each"])).toEqual([["Inside", "inner"]]);
    expect([...notesOf(renamed, ["each"]).values()]).toEqual([{ x: 1, y: 2, text: "" }]);
    const gone = remove(renamed, [], new Set(["each"]), new Set());
    expect([uiValue(gone, "groups"), uiValue(gone, "notes")]).toEqual([{}, {}]);
  });
});
