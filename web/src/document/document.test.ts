import { describe, expect, it } from "vitest";
import { copyText, paste, readCopied } from "./clipboard";
import { compare } from "./diff";
import { addAction, connect, idRefusal, reconnect, remove, renameAction } from "./edits";
import { refusal } from "./graph";
import { record, settle, startHistory, undo } from "./history";
import { NotAWorkflow, openDocument } from "./read";
import { findReferences, isReference, mentionsOf, renameReferences, writeReference } from "./references";
import { findAction, graphAt, pointerOf, positionOf, withPositions } from "./scope";
import { findSteps } from "./search";

const CONDITION = { type: "if", ref: "!ref($.output.result)" } as const;

function chain(): ReturnType<typeof openDocument> {
  return openDocument({
    actions: [
      { id: "a", kind: "log" },
      { id: "b", kind: "log", inputs: { message: "!ref($.state.a.text)" } },
    ],
    edges: [
      { from: "$source", to: "a" },
      { from: "a", to: "b", conditional: CONDITION },
    ],
  });
}

describe("adding", () => {
  it("puts a step onto an edge and leaves the condition before it", () => {
    const edge = chain().edges[1]?.id ?? "";
    const { document, id } = addAction(
      chain(),
      [],
      { kind: "set" },
      { at: "edge", edgeId: edge, position: { x: 0, y: 0 } },
    );
    expect(document.edges.map(({ from, to, conditional }) => [from, to, conditional?.type])).toEqual([
      ["$source", "a", undefined],
      ["a", id, "if"],
      [id, "b", undefined],
    ]);
  });

  it("goes on from a branching step on the way that is named", () => {
    const edge = chain().edges[0]?.id ?? "";
    const onward = { name: "True", conditional: CONDITION };
    const { document, id } = addAction(
      chain(),
      [],
      { kind: "if", onward },
      { at: "edge", edgeId: edge, position: { x: 0, y: 0 } },
    );
    expect(document.edges.find(({ from }) => from === id)).toMatchObject({
      to: "a",
      name: "True",
      conditional: CONDITION,
    });
  });
});

function follow(document: ReturnType<typeof openDocument>): readonly unknown[] {
  return document.edges.map(({ from, to, conditional }) => [from, to, conditional?.type]);
}

/** a, on a condition b, then c, and then d, which also follows a. */
function diamond(): ReturnType<typeof openDocument> {
  return openDocument({
    actions: ["a", "b", "c", "d"].map((id) => ({ id, kind: "log" })),
    edges: [
      { from: "$source", to: "a" },
      { from: "a", to: "b", name: "True", conditional: CONDITION },
      { from: "b", to: "c" },
      { from: "c", to: "d" },
      { from: "a", to: "d", conditional: { type: "else", ref: "!ref($.output.result)" } },
    ],
  });
}

describe("removing", () => {
  it("lets what follows follow what came before, on the condition that led there", () => {
    const left = remove(diamond(), [], new Set(["b"]), new Set());
    expect(follow(left)).toEqual([
      ["$source", "a", undefined],
      ["c", "d", undefined],
      ["a", "d", "else"],
      ["a", "c", "if"],
    ]);
    expect(left.edges.at(-1)?.name).toBe("True");
    // What still follows something is left as it is.
    expect(follow(remove(left, [], new Set(["c"]), new Set()))).toEqual([
      ["$source", "a", undefined],
      ["a", "d", "else"],
    ]);
  });

  it("leads around several at once, and around none whose output a condition asks about", () => {
    const straight = remove(diamond(), [], new Set(), new Set([diamond().edges[4]?.id ?? ""]));
    expect(follow(remove(straight, [], new Set(["b", "c"]), new Set()))).toEqual([
      ["$source", "a", undefined],
      ["a", "d", "if"],
    ]);
    expect(follow(remove(straight, [], new Set(["a"]), new Set()))).toEqual([
      ["b", "c", undefined],
      ["c", "d", undefined],
    ]);
    expect(follow(remove(straight, [], new Set(["b"]), new Set([straight.edges[1]?.id ?? ""])))).toEqual([
      ["$source", "a", undefined],
      ["c", "d", undefined],
    ]);
  });
});

describe("edges", () => {
  it("are refused where they would close a circle, and allowed twice under different conditions", () => {
    expect(refusal(chain(), "b", "a")).toMatch(/circle/);
    expect(connect(chain(), [], "b", "a")).toEqual(chain());
    const twice = connect(chain(), [], "a", "b", { conditional: { type: "else", ref: "!ref($.output.result)" } });
    expect(twice.edges).toHaveLength(3);
    expect(connect(twice, [], "a", "b", { conditional: CONDITION })).toBe(twice);
  });

  it("keep their condition when only the target changes", () => {
    const document = addAction(chain(), [], { kind: "log" }, { at: "free", position: { x: 0, y: 0 } }).document;
    const edge = document.edges[1]?.id ?? "";
    expect(reconnect(document, [], edge, "a", "log").edges[1]).toMatchObject({ to: "log", conditional: CONDITION });
  });
});

describe("renaming", () => {
  it("is followed by edges and references and by nothing else", () => {
    const document = renameAction(chain(), [], "a", "if-a");
    expect(document.edges.map(({ from, to }) => `${from} ${to}`)).toEqual(["$source if-a", "if-a b"]);
    expect(findAction(document, [], "b")?.inputs).toEqual({ message: "!ref($.state['if-a'].text)" });
  });

  it("refuses ids that are taken or cannot be", () => {
    for (const id of ["a", "", "x/y", "x[1]", "$source", "$blank", "x\n"]) expect(idRefusal(chain(), id)).toBeDefined();
    expect(idRefusal(chain(), "fine-id 2")).toBeUndefined();
  });

  it("understands every way to write a reference", () => {
    const names = new Map([["a", "b c"]]);
    const cases = {
      "!ref($.state.a)": "!ref($.state['b c'])",
      "!ref($['state'][\"a\"].x)!ref($.state.ab)": "!ref($['state']['b c'].x)!ref($.state.ab)",
      "x !ref($.state.a[?(@.n == ')')].y) z": "x !ref($.state['b c'][?(@.n == ')')].y) z",
      "!ref($.event.data.a) $.state.a": "!ref($.event.data.a) $.state.a",
      "!ref($.state.a": "!ref($.state.a",
    };
    for (const [before, after] of Object.entries(cases)) expect(renameReferences(before, names)).toBe(after);
  });

  it("finds what would break without a step", () => {
    expect(mentionsOf(chain(), "a")).toEqual([{ kind: "action", id: "b" }]);
  });
});

describe("references", () => {
  it("are written so that they can be read again", () => {
    const text = writeReference(["state", "it's", "a b", 0]);
    expect(text).toBe("!ref($.state['it\\'s']['a b'][0])");
    expect(findReferences(text)).toHaveLength(1);
    expect(isReference(text)).toBe(true);
    expect(isReference(`${text} `)).toBe(false);
  });
});

describe("copies", () => {
  const source = withPositions(
    chain(),
    [],
    new Map([
      ["a", { x: 10, y: 10 }],
      ["b", { x: 10, y: 110 }],
    ]),
  );

  it("have new ids; references lead to the copies, or stay", () => {
    const copied = readCopied(copyText(source, [], new Set(["a", "b"])));
    if (copied === undefined) throw new Error("not read");
    const { document, ids } = paste(source, [], copied, { x: 300, y: 10 });
    expect(ids).toEqual(["a_2", "b_2"].map((id) => expect.stringMatching(id)));
    expect(findAction(document, [], ids[1] ?? "")?.inputs).toEqual({ message: `!ref($.state.${ids[0]}.text)` });
    expect(document.edges.at(-1)).toMatchObject({ from: ids[0], to: ids[1], conditional: CONDITION });
    expect(positionOf(document, [], ids[1] ?? "")).toEqual({ x: 300, y: 110 });
    const alone = readCopied(copyText(source, [], new Set(["b"])));
    if (alone === undefined) throw new Error("not read");
    const pasted = paste(source, [], alone);
    expect(findAction(pasted.document, [], pasted.ids[0] ?? "")?.inputs).toEqual({ message: "!ref($.state.a.text)" });
  });

  it("are not made from other texts", () => {
    for (const text of ["", "hello", "[]", "{}", '{"actions": 3}', '{"actions": [{"id": 1}]}', "null"]) {
      expect(readCopied(text)).toBeUndefined();
    }
  });
});

describe("opening", () => {
  it("gives edges ids and changes nothing else", () => {
    expect(chain().edges.map(({ id }) => id)).toEqual(["edge-1", "edge-2"]);
    const doubled = openDocument({
      actions: [],
      edges: [
        { id: "edge-1", from: "a", to: "b" },
        { id: "edge-1", from: "a", to: "c" },
      ],
    });
    expect(doubled.edges.map(({ id }) => id)).toEqual(["edge-1", "edge-2"]);
  });

  it.each([[[]], [{ actions: {} }], [{ actions: [1] }], [{ actions: [{ id: "a" }] }], [{ edges: [{ from: "a" }] }]])(
    "says what cannot be drawn: %j",
    (value) => {
      expect(() => openDocument(value as never)).toThrow(NotAWorkflow);
    },
  );
});

describe("loops", () => {
  const nested = openDocument({
    actions: [{ id: "each", kind: "for_each", body: { actions: [{ id: "inner", kind: "log" }], edges: [] } }],
    edges: [{ from: "$source", to: "each" }],
  });

  it("are graphs of their own, whose ids count for the whole document", () => {
    const { document, id } = addAction(
      nested,
      ["each"],
      { kind: "each" },
      { at: "after", from: "inner", position: { x: 1, y: 2 } },
    );
    expect(id).toBe("each_2");
    expect(graphAt(document, ["each"]).actions.map((action) => action.id)).toEqual(["inner", "each_2"]);
    expect(pointerOf(document, ["each"], "each_2")).toBe("/actions/0/body/actions/1");
    const renamed = renameAction(document, [], "each", "loop");
    expect(positionOf(renamed, ["loop"], "each_2")).toEqual({ x: 1, y: 2 });
    expect(positionOf(remove(renamed, [], new Set(["loop"]), new Set()), ["loop"], "each_2")).toBeUndefined();
  });

  it("are searched", () => {
    expect(findSteps(nested, "INNER", new Map())).toMatchObject([{ scope: ["each"], action: { id: "inner" } }]);
  });
});

describe("undo", () => {
  it("takes typing in one field as one step, until something else happens", () => {
    const start = startHistory(chain());
    const type = (history: typeof start, name: string): typeof start =>
      record(history, { ...history.present, name }, "rename", "name");
    const typed = type(type(start, "H"), "Hi");
    expect(typed.past).toHaveLength(1);
    expect(undo(type(settle(typed), "Hi!")).present.name).toBe("Hi");
  });
});

describe("differences", () => {
  it("are told by step, edge and field", () => {
    const after = renameAction(
      addAction(chain(), [], { kind: "set" }, { at: "free", position: { x: 0, y: 0 } }).document,
      [],
      "a",
      "z",
    );
    const difference = compare(chain(), after);
    expect(difference.actions.map(({ id, change }) => [id, change])).toEqual([
      ["z", "added"],
      ["b", "changed"],
      ["set", "added"],
      ["a", "removed"],
    ]);
    expect(difference.actions[1]?.fields).toEqual([
      { pointer: "/inputs/message", before: "!ref($.state.a.text)", after: "!ref($.state.z.text)" },
    ]);
    expect(difference.fields).toEqual([]);
  });
});
