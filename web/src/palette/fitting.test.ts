import { describe, expect, it } from "vitest";
import type { Action } from "../api/schema";
import type { Json, JsonObject } from "../base/json";
import { openDocument } from "../document/read";
import { Catalogue } from "../editor/catalogue";
import type { Samples } from "../expressions/variables";
import { NO_SAMPLES } from "../expressions/variables";
import { fittingFirst, needsOf, lacksAt } from "./fitting";

const ORDER = {
  type: "object",
  properties: { id: { type: "string" }, total: { type: "number" } },
  required: ["id", "total"],
};

function named(kind: string, inputs: JsonObject, outputs: JsonObject | null): Action {
  return { kind, name: kind, description: "", category: "", icon: null, inputs, outputs, edges: {} } as Action;
}

function needing(properties: JsonObject): JsonObject {
  return { type: "object", properties, required: Object.keys(properties) };
}

const NUMBERS = { type: "object", properties: { count: { type: "integer" } } };
const catalogue = new Catalogue([
  named("count", needing({}), NUMBERS),
  named("load", needing({ id: { type: "string" } }), needing({ order: ORDER, lines: { type: "array" } })),
  named("anything", needing({}), null),
  named("ship", needing({ order: { ...ORDER, title: "Order" } }), NUMBERS),
  named("each", needing({ items: { type: "array", title: "Items" } }), null),
  named("mail", needing({ to: { type: "array", items: { type: "string" } }, text: { type: "string" } }), null),
]);
const DATA = { type: "object", properties: { amount: { type: "number" } } };

/** What the actions lack behind the last of some steps. */
function lacks(kinds: readonly string[], inputs: Json = DATA, samples: Samples = NO_SAMPLES): Record<string, string> {
  const ids = ["$source", ...kinds];
  const document = openDocument({
    name: "x",
    inputs,
    actions: kinds.map((kind) => ({ id: kind, kind })),
    edges: kinds.map((kind, index) => ({ from: ids[index] ?? "", to: kind })),
  });
  const place = { from: ids.at(-1), edgeId: undefined };
  return Object.fromEntries(lacksAt({ document, scope: [], catalogue, samples, events: new Map() }, place));
}

describe("what an action needs", () => {
  it("is what nobody would type", () => {
    const needs = needsOf(
      needing({
        text: { type: "string" },
        level: { enum: ["low", "high"] },
        names: { type: "array", items: { type: "string" } },
        headers: { type: "object", additionalProperties: { type: "string" } },
        to: { anyOf: [{ type: "string" }, { type: "array" }] },
        maybe: { type: ["array", "null"] },
        preset: { type: "array", default: [] },
        rows: { type: "array", items: ORDER },
        order: ORDER,
      }),
    );
    expect(needs.map(({ label }) => label)).toEqual(["Rows", "Order"]);
    expect(needsOf({ type: "object", properties: { order: ORDER } })).toEqual([]);
  });
});

describe("an action fits", () => {
  it("unless it needs something that nothing before it gives", () => {
    expect(lacks(["count"])).toEqual({
      each: "Needs a list for “Items”: no earlier step gives one.",
      ship: "Needs an object for “Order”: no earlier step gives one.",
    });
    expect(Object.keys(lacks([]))).toEqual(["ship", "each"]);
  });

  it("if any step before gives it, wherever in its output", () => {
    expect(lacks(["load"])).toEqual({});
    expect(lacks(["load", "count", "ship"])).toEqual({});
  });

  it("if the event has it, by its schema or as it came last", () => {
    expect(Object.keys(lacks(["count"], needing({ order: ORDER })))).toEqual(["each"]);
    const event = { name: "x", data: { rows: [{ id: "1", total: 2 }] } };
    expect(lacks(["count"], null, { event, outputs: new Map() })).toEqual({});
  });

  it("if the event has it, as the application declares it", () => {
    const document = openDocument({ triggers: [{ event: "placed" }], actions: [], edges: [] });
    const lacking = (data: JsonObject): readonly string[] => {
      const events = new Map([["placed", data]]);
      const source = { document, scope: [], catalogue, samples: NO_SAMPLES, events };
      return [...lacksAt(source, { from: "$source", edgeId: undefined }).keys()];
    };
    expect(lacking(DATA)).toEqual(["ship", "each"]);
    expect(lacking(needing({ order: ORDER }))).toEqual(["each"]);
  });

  it("if nobody knows what is there", () => {
    expect(lacks(["anything"])).toEqual({});
    expect(lacks(["count"], null)).toEqual({});
  });

  it("anywhere where it follows nothing, and on an edge as behind its source", () => {
    const document = openDocument({
      name: "x",
      inputs: DATA,
      actions: [{ id: "load", kind: "load" }],
      edges: [{ id: "e", from: "$source", to: "load" }],
    });
    const at = (edgeId?: string): number =>
      lacksAt({ document, scope: [], catalogue, samples: NO_SAMPLES, events: new Map() }, { from: undefined, edgeId })
        .size;
    expect([at(), at("e"), at("gone")]).toEqual([0, 2, 0]);
  });
});

describe("the order", () => {
  it("has what fits first, and else stays as it is", () => {
    const order = fittingFirst(catalogue.kinds, new Map(["count", "anything", "each"].map((kind) => [kind, "why"])));
    expect(order.map(({ action }) => action.kind)).toEqual(["load", "ship", "mail", "count", "anything", "each"]);
  });
});
