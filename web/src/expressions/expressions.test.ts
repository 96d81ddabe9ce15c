import { describe, expect, it } from "vitest";
import type { Action } from "../api/schema";
import type { Json } from "../base/json";
import { openDocument } from "../document/read";
import { Catalogue } from "../editor/catalogue";
import { OPERATORS, parseOperand, readRule, writeOperand, writeRule } from "./logic";
import { ALL, follow, readPath } from "./paths";
import { preview } from "./preview";
import { NO_SAMPLES, flatten, variablesFor, variablesForEdge } from "./variables";
import { pathProblem } from "./wrongPaths";

function action(kind: string, outputs: Action["outputs"]): Action {
  return {
    kind,
    name: kind,
    description: "",
    icon: null,
    category: null,
    inputs: {},
    outputs,
    edges: {},
    retries: 0,
    timeout_seconds: 1,
    queue: "default",
  } as Action;
}

const catalogue = new Catalogue([
  action("find", {
    type: "object",
    properties: {
      name: { type: "string" },
      lines: { type: "array", items: { type: "object", properties: { sku: { type: "string" } } } },
    },
  }),
  action("log", null),
]);
const document = openDocument({
  actions: [
    { id: "if-a", kind: "find", name: "Find it" },
    { id: "side", kind: "log" },
    {
      id: "loop",
      kind: "builtin:for_each",
      body: {
        actions: [
          { id: "inner", kind: "log" },
          { id: "last", kind: "log" },
        ],
        edges: [{ from: "inner", to: "last" }],
      },
    },
  ],
  edges: [
    { from: "$source", to: "if-a" },
    { from: "$source", to: "side" },
    { from: "if-a", to: "loop" },
  ],
});
const samples = {
  event: { name: "x", data: { total: 5, "odd name": [1, 2] } },
  outputs: new Map<string, Json>([["if-a", { name: "Ada", lines: [{ sku: "A-1" }] }]]),
};
const source = { document, scope: [], catalogue, samples, events: new Map<string, Json>() };

const LINE = { type: "object", properties: { sku: { type: "string" } } };
const events = new Map<string, Json>([
  [
    "placed",
    {
      type: "object",
      properties: {
        total: { type: "number" },
        lines: { type: "array", items: { $ref: "#/$defs/line" } },
        gift: { anyOf: [LINE, { type: "null" }] },
      },
      $defs: { line: LINE },
    },
  ],
  [
    "tree",
    {
      $ref: "#/$defs/node",
      $defs: {
        node: {
          type: "object",
          properties: {
            name: { type: "string" },
            children: { type: "array", items: { $ref: "#/$defs/node" } },
            parent: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] },
          },
        },
      },
    },
  ],
  ["refunded", { type: "object", properties: { total: { type: "string" }, amount: { type: "number" } } }],
]);

/** What is offered of the data of events, with its types, where a workflow is started by some. */
function offered(triggers: Json, sample?: Json): Record<string, string> {
  const started = openDocument({
    triggers,
    actions: [{ id: "a", kind: "log" }],
    edges: [{ from: "$source", to: "a" }],
  });
  const known = { event: sample === undefined ? undefined : { name: "x", data: sample }, outputs: new Map() };
  const all = flatten(variablesFor({ ...source, document: started, samples: known, events }, "a").roots);
  const data = all.filter(({ path }) => path[1] === "data");
  return Object.fromEntries(data.map(({ path, type }) => [path.slice(2).join("."), type]));
}

/** What is offered of an item, with its types, where a loop goes through something. */
function inLoop(items: Json, sample?: Json): Record<string, string> {
  const body = { actions: [{ id: "a", kind: "log" }], edges: [] };
  const looped = openDocument({
    triggers: [{ event: "placed" }],
    actions: [{ id: "each", kind: "builtin:for_each", inputs: { items }, body }],
    edges: [{ from: "$source", to: "each" }],
  });
  const known = { event: sample === undefined ? undefined : { name: "x", data: sample }, outputs: new Map() };
  const within = { ...source, document: looped, scope: ["each"], samples: known, events };
  const { roots } = variablesFor(within, "a");
  const item = roots.filter(({ path }) => path[0] === "item");
  return Object.fromEntries(flatten(item).map(({ path, type }) => [path.join("."), type]));
}

describe("what may be referred to", () => {
  it("is what the application declares of an event, also inside of lists and of what may be null", () => {
    const lines = { lines: "array", "lines.0": "object", "lines.0.sku": "string" };
    const gift = { gift: "object", "gift.sku": "string" };
    expect(offered([{ event: "placed" }])).toEqual({ "": "object", total: "number", ...lines, ...gift });
    expect(offered([{ event: "placed" }], { total: 5, more: "x" })).toMatchObject({ total: "integer", more: "string" });
  });

  it("is shown once where something contains itself, and as deep as there are values", () => {
    expect(Object.keys(offered([{ event: "tree" }]))).toEqual(["", "name", "children", "children.0", "parent"]);
    const grown = offered([{ event: "tree" }], { children: [{ children: [{ name: "leaf" }] }] });
    expect(grown).toMatchObject({ "children.0.children.0.name": "string", parent: "object" });
  });

  it("is what any of the events may have, and anything if one of them is unknown", () => {
    const both = offered([{ event: "refunded" }, { event: "placed" }]);
    expect(both).toMatchObject({ "": "object", total: "string", amount: "number", "gift.sku": "string" });
    expect(offered([{ event: "refunded" }, { event: "unknown" }])).toMatchObject({ "": "any", amount: "number" });
    expect(offered([{ event: "ref*" }])).toEqual({ "": "object" });
  });

  it("is what schedules and requests always have", () => {
    expect(offered([{ cron: "0 9 * * *" }])).toMatchObject({ slot: "string", slot_ms: "integer" });
    expect(offered([{ http: {} }])).toMatchObject({ body: "any", method: "string" });
  });

  it("is the event and what comes before, with what its schema declares", () => {
    const paths = flatten(variablesFor({ ...source, samples: NO_SAMPLES }, "loop").roots).map(({ path }) =>
      path.join("."),
    );
    expect(paths).toContain("state.if-a.name");
    expect(paths).toContain("event.data");
    expect(paths.some((path) => path.startsWith("state.side"))).toBe(false);
  });

  it("has the values of the last run", () => {
    const all = flatten(variablesFor(source, "loop").roots);
    expect(all.find(({ path }) => path.join(".") === "state.if-a.lines.0.sku")?.sample).toBe("A-1");
    expect(all.find(({ path }) => path.join(".") === "event.data.total")?.type).toBe("integer");
  });

  it("is, inside of a loop, what an item has, as the list says that the loop goes through", () => {
    expect(inLoop("!ref($.event.data.lines)")).toEqual({ item: "object", "item.sku": "string" });
    expect(inLoop("!ref($.event.data.lines[*].sku)")).toEqual({ item: "string" });
    expect(inLoop("!ref($.event.data.lines)", { lines: [{ sku: "A", count: 2 }] })).toEqual({
      item: "object",
      "item.sku": "string",
      "item.count": "integer",
    });
    expect(inLoop([{ name: "Ada" }])).toEqual({ item: "object", "item.name": "string" });
    for (const unknown of ["!ref($.event.data.other)", "!ref($..lines)", "lines", 5])
      expect(inLoop(unknown)).toEqual({ item: "any" });
  });

  it("is, inside of a loop, the item and what comes before the loop, too", () => {
    const roots = variablesFor({ ...source, scope: ["loop"] }, "last").roots.map(({ path }) => path.join("."));
    expect(roots).toEqual(expect.arrayContaining(["item", "index", "key", "event", "state.inner", "state.if-a"]));
  });

  it("is, on an edge, the output of its source", () => {
    const [first] = variablesForEdge(source, "if-a").roots;
    expect(first).toMatchObject({ path: ["output"], sample: { name: "Ada" } });
  });
});

describe("paths", () => {
  it("are read, as far as they are plain", () => {
    expect(readPath("$.state['if-a'].lines[0]")).toEqual(["state", "if-a", "lines", 0]);
    expect(readPath("$.a[*].b")).toEqual(["a", ALL, "b"]);
    expect(readPath("$")).toEqual([]);
    for (const path of ["$..a", "$.a[?(@.b)]", "$.a[1:2]", "a.b"]) expect(readPath(path)).toBeUndefined();
  });

  it("are followed", () => {
    expect(follow({ a: [{ b: 1 }, {}, { b: 2 }] }, ["a", ALL, "b"])).toEqual([1, 2]);
    expect(follow({ a: [1, 2] }, ["a", -1])).toBe(2);
    expect(follow({ a: 1 }, ["toString"])).toBeUndefined();
  });
});

describe("previews", () => {
  const variables = variablesFor(source, "loop");

  it("keep the type of a lone reference and make text of others", () => {
    expect(preview("!ref($.event.data.total)", variables)).toEqual({ kind: "value", value: 5 });
    expect(preview("Hi !ref($.state['if-a'].name), !ref($.state['if-a'].lines)!", variables)).toEqual({
      kind: "value",
      value: 'Hi Ada, [{"sku":"A-1"}]!',
    });
  });

  it("say when there is nothing to show", () => {
    expect(preview("!ref($.event.data.none)", variables).kind).toBe("missing");
    expect(preview("!ref($.event.data[?(@.a)])", variables).kind).toBe("unknown");
  });

  it("know which paths lead nowhere", () => {
    expect(pathProblem("$.state['if-a'].name", variables)).toBeUndefined();
    expect(pathProblem("$.state['if-a'].x", variables)).toBe("Find it has no field x.");
    expect(pathProblem("$.state['if-a'].lines[*].nothing", variables)).toBeUndefined();
    expect(pathProblem("$.state.side", variables)).toBe("No step log comes before this one.");
    expect(pathProblem("$.state.nobody", variables)).toBe("No step nobody comes before this one.");
    expect(pathProblem("$.output.x", variables)).toMatch(/output/);
    expect(pathProblem("event.x", variables)).toBeDefined();
  });
});

describe("rules", () => {
  const REF = "!ref($.event.data.total)";

  it.each<[Json]>([
    [{ "==": [REF, "DE"] }],
    [{ ">=": [REF, 100] }],
    [{ in: ["needle", REF] }],
    [{ "!": [REF] }],
    [{ "!!": [REF] }],
    [{ and: [{ ">": [REF, 1] }, { or: [{ "==": [REF, 2] }, { "!=": [REF, null] }] }] }],
  ])("%j are rows, and the same rule again", (rule) => {
    const group = readRule(rule);
    expect(group).toBeDefined();
    expect(group === undefined ? undefined : writeRule(group)).toEqual(rule);
  });

  it.each<[Json]>([
    [{ if: [1, 2, 3] }],
    [{ ">": [1, 2, 3] }],
    [{ ">": [{ "+": [1, 2] }, 3] }],
    [{ and: [{ ">": [REF, 1] }] }],
    [true],
    [{ var: "x" }],
  ])("%j stay JSON", (rule) => {
    expect(readRule(rule)).toBeUndefined();
  });

  it("begin empty", () => {
    expect(readRule(undefined)?.members).toEqual([]);
    expect(writeRule({ kind: "group", join: "and", members: [] })).toBeUndefined();
    expect(Object.keys(OPERATORS).length).toBeGreaterThan(6);
  });

  it.each<[string, Json]>([
    ["100", 100],
    ["-1.5", -1.5],
    ["true", true],
    ["null", null],
    ["DE", "DE"],
    ['"100"', "100"],
    ["", ""],
    [REF, REF],
    ['say "hi"', 'say "hi"'],
  ])("what is typed as %s means %j", (text, value) => {
    expect(parseOperand(text)).toEqual(value);
    expect(parseOperand(writeOperand(value))).toEqual(value);
  });
});
