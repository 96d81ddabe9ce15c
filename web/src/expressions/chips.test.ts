import { describe, expect, it } from "vitest";
import type { Action } from "../api/schema";
import type { Json } from "../base/json";
import { openDocument } from "../document/read";
import { Catalogue } from "../editor/catalogue";
import { chipsOf, inWords, shortened } from "./chips";
import { mayLead } from "./leads";
import type { Variables } from "./variables";
import { NO_SAMPLES, variablesFor, variablesForEdge } from "./variables";

const ORDER = {
  type: "object",
  properties: {
    total: { type: "number", title: "Total" },
    customer: { $ref: "#/$defs/customer" },
    lines: {
      type: "array",
      title: "Lines",
      items: { type: "object", properties: { sku: { type: "string", title: "Article" } } },
    },
  },
  $defs: { customer: { type: "object", title: "Customer", properties: { "e-mail": { type: "string" } } } },
};

function action(kind: string, name: string, icon: string | null, outputs: Json): Action {
  return { kind, name, icon, outputs, category: null, inputs: {}, edges: {} } as unknown as Action;
}

const catalogue = new Catalogue([
  action("check_order", "Check an order", "clock", ORDER),
  action("log", "Log", null, null),
]);
const events = new Map<string, Json>([
  ["placed", { type: "object", properties: { total: { type: "number", title: "Sum" }, name: {} } }],
]);

function sourceOf(checkName: string): Parameters<typeof variablesFor>[0] {
  const document = openDocument({
    triggers: [{ event: "placed" }],
    actions: [
      { id: "check", kind: "check_order", name: checkName },
      { id: "log-1", kind: "log" },
      { id: "log-2", kind: "log" },
      {
        id: "each",
        kind: "builtin:for_each",
        inputs: { items: "!ref($.state.check.lines)" },
        body: { actions: [{ id: "inner", kind: "log", name: "Inner" }], edges: [{ from: "$source", to: "inner" }] },
      },
      { id: "later", kind: "log", name: "Later" },
    ],
    edges: [
      { from: "$source", to: "check" },
      { from: "check", to: "log-1" },
      { from: "log-1", to: "log-2" },
      { from: "log-2", to: "each" },
      { from: "each", to: "later" },
    ],
  });
  return { document, scope: [], catalogue, samples: NO_SAMPLES, events };
}

const source = sourceOf("Check order");
const variables = variablesFor(source, "each");
const inLoop = variablesFor({ ...source, scope: ["each"] }, "inner");

function shown(text: string, within: Variables = variables): readonly string[] {
  return chipsOf(text, within).map(({ parts }) => parts.join(" › "));
}

describe("a reference in words", () => {
  it.each([
    ["!ref($.state.check.total)", "Check order › Total"],
    ["!ref($['state']['check'][\"total\"])", "Check order › Total"],
    ["!ref($.state.check)", "Check order"],
    ["!ref($.state.check.customer['e-mail'])", "Check order › Customer › e-mail"],
    ["!ref($.state.check.lines[0].sku)", "Check order › Lines › First entry › Article"],
    ["!ref($.state.check.lines[2].sku)", "Check order › Lines › Entry 3 › Article"],
    ["!ref($.state.check.lines[-1])", "Check order › Lines › Last entry"],
    ["!ref($.state.check.lines[*].sku)", "Check order › Lines › All entries › Article"],
    ["!ref($.event.data.total)", "Event › Sum"],
    ["!ref($.event.data)", "Data of the event"],
    ["!ref($.event.name)", "The name of the event"],
    ["!ref($.event.data.name)", "Event › name"],
    ["!secret(stripe)", "Secrets › stripe"],
  ])("%s is %s", (text, words) => {
    expect(shown(text)).toEqual([words]);
    expect(chipsOf(text, variables)[0]).toMatchObject({ start: 0, end: text.length, problem: undefined });
  });

  it("stands in a text where the text has it", () => {
    const text = "Dear !ref($.event.data.name), !ref($.state.check.total) EUR";
    const chips = chipsOf(text, variables);
    expect(chips.map(({ start, end }) => text.slice(start, end))).toEqual([
      "!ref($.event.data.name)",
      "!ref($.state.check.total)",
    ]);
  });

  it("stands in words where there are no chips", () => {
    const text = "Dear !ref($.event.data.name), !ref($.state.check.total) EUR";
    expect(inWords(text, variables)).toBe("Dear [Event › name], [Check order › Total] EUR");
    expect(inWords("Dear customer", variables)).toBe("Dear customer");
  });

  it("has the icon of its step, or of what it leads into", () => {
    const icons = ["!ref($.state.check)", "!ref($.event.id)", "!secret(a)"].map((text) => chipsOf(text, variables)[0]);
    expect(icons.map((chip) => chip?.icon)).toEqual(["clock", "bolt", "lock"]);
  });

  it("is the item inside of a loop, with what comes before the loop", () => {
    expect(shown("!ref($.item.sku) !ref($.key) !ref($.state.check.total)", inLoop)).toEqual([
      "This item › Article",
      "This item › Its key",
      "Check order › Total",
    ]);
  });

  it("is one of the events that a batch has collected", () => {
    const document = { ...source.document, settings: { batch: { max_size: 10 } } };
    const [chip] = chipsOf("!ref($.events[0].data.total)", variablesFor({ ...source, document }, "each"));
    expect(chip).toMatchObject({ parts: ["Events", "First entry", "data", "total"], problem: undefined });
    expect(chipsOf("!ref($.events[0])", variables)[0]?.problem).toBe("There is no events here.");
  });

  it("is the step whose output decides on a connection", () => {
    expect(shown("!ref($.output.total)", variablesForEdge(source, "check"))).toEqual(["Check order › Total"]);
  });

  it("tells steps of the same name apart by their ids", () => {
    expect(shown("!ref($.state.log-1) !ref($.state['log-2'].x)")).toEqual(["Log (log-1)", "Log (log-2) › x"]);
  });

  it("follows the title of its step", () => {
    expect(shown("!ref($.state.check.total)", variablesFor(sourceOf("Look at it"), "each"))).toEqual([
      "Look at it › Total",
    ]);
    expect(shown("!ref($.state.check.total)", variablesFor(sourceOf(""), "each"))).toEqual(["Check an order › Total"]);
  });

  it.each([
    "",
    "total",
    "!ref($.state",
    "!ref($.state)",
    "!ref($)",
    "!ref(event.data.total)",
    "!ref($.state.check.lines[?(@.sku == 'A')].sku)",
    "!ref($.state.check.lines[0:2])",
    "!ref($..sku)",
    "!ref($.state.check['a\nb'])",
    "a !secret(stripe)",
    "event.data.total > 100",
  ])("%j stays code", (text) => {
    expect(chipsOf(text, variables)).toEqual([]);
  });

  it.each([
    ["!ref($.state.nobody.name)", "nobody › name", "No step nobody comes before this one."],
    ["!ref($.state.later.x)", "Later › x", "No step Later comes before this one."],
    ["!ref($.state.check.totl)", "Check order › totl", "Check order has no field totl."],
    ["!ref($.state.check.customer.mail)", "Check order › Customer › mail", "Check order has no field customer.mail."],
    ["!ref($.event.data.nothing)", "Event › nothing", "Event has no field nothing."],
    ["!ref($.item.sku)", "item › sku", "There is no item here."],
  ])("%s leads nowhere, and says why", (text, words, problem) => {
    expect(shown(text)).toEqual([words]);
    expect(chipsOf(text, variables)[0]?.problem).toBe(problem);
  });

  it("leads where a run has been, and where an error may be the output", () => {
    const samples = { event: { data: { nothing: null } }, outputs: new Map<string, Json>([["check", { totl: 1 }]]) };
    const seen = variablesFor({ ...source, samples }, "each");
    const texts = "!ref($.event.data.nothing) !ref($.state.check.totl)";
    expect(chipsOf(texts, seen).map(({ problem }) => problem)).toEqual([undefined, undefined]);
    const { document } = source;
    const actions = document.actions.map((each) =>
      each.id === "check" ? { ...each, settings: { on_error: "continue" } } : each,
    );
    const handled = variablesFor({ ...source, document: { ...document, actions } }, "each");
    expect(chipsOf("!ref($.state.check.error)", handled)[0]?.problem).toBeUndefined();
  });

  it("is short where it leads far", () => {
    expect(shortened(["Step", "a", "b", "c"])).toEqual(["Step", "a", "b", "c"]);
    expect(shortened(["Step", "a", "b", "c", "d"])).toEqual(["Step", "a", "…", "d"]);
    expect(shortened(["Step"])).toEqual(["Step"]);
  });
});

describe("whether a path may lead to something", () => {
  const TREE = { $ref: "#/$defs/n", $defs: { n: { type: "object", properties: { next: { $ref: "#/$defs/n" } } } } };

  it.each<[Json, (string | number)[], boolean]>([
    [true, ["a"], true],
    [false, ["a"], false],
    [{}, ["a", 0], true],
    [{ type: "object" }, ["a"], true],
    [{ type: "object", additionalProperties: false }, ["a"], false],
    [{ type: "object", properties: { a: {} } }, ["b"], false],
    [{ type: "object", properties: { a: {} }, additionalProperties: { type: "string" } }, ["b"], true],
    [{ type: "object", properties: { a: {} }, patternProperties: { b: {} } }, ["b"], true],
    [{ type: "string" }, ["a"], false],
    [{ type: ["object", "null"], properties: { a: {} } }, ["a"], true],
    [{ anyOf: [{ type: "object", properties: { a: {} } }, { type: "null" }] }, ["a"], true],
    [{ anyOf: [{ type: "object", properties: { a: {} } }, { type: "null" }] }, ["b"], false],
    [{ type: "array", items: { type: "object", properties: { a: {} } } }, [3, "a"], true],
    [{ type: "array", items: { type: "object", properties: { a: {} } } }, [3, "b"], false],
    [{ prefixItems: [{ type: "string" }], items: false }, [1], false],
    [TREE, ["next", "next", "next"], true],
    [TREE, ["next", "other"], false],
    [{ $ref: "https://example.com/schema" }, ["a"], true],
  ])("%j: %j", (schema, keys, expected) => {
    expect(mayLead(schema, keys)).toBe(expected);
  });
});
