import { describe, expect, it } from "vitest";
import type { Json, JsonObject } from "../base/json";
import { openDocument } from "../document/read";
import { referredData } from "./referred";

const INPUTS: Readonly<Record<string, JsonObject>> = {
  bill: {
    type: "object",
    properties: { total: { type: "integer" }, lines: { type: "array" }, paid: { type: "boolean" } },
  },
};

function read(actions: Json, rest: JsonObject = {}): JsonObject {
  return referredData(openDocument({ actions, edges: [], ...rest }), (kind) => INPUTS[kind]);
}

describe("what a workflow reads of its event", () => {
  it("is a field for each reference, of the type that it is used as", () => {
    const total = "!ref($.event.data.total)";
    const inputs = {
      total,
      lines: "!ref($.event.data.lines)",
      paid: "!ref($.event.data.is_paid)",
      note: `Sum: ${total}`,
    };
    expect(read([{ id: "a", kind: "bill", inputs }])).toEqual({ total: 0, lines: [], is_paid: false });
    expect(read([{ id: "a", kind: "other", inputs }])).toEqual({ total: "", lines: "", is_paid: "" });
  });

  it("is a number where it is compared with one", () => {
    const condition = { and: [{ ">": ["!ref($.event.data.total)", 5] }, { "==": ["!ref($.event.data.vip)", true] }] };
    expect(read([{ id: "a", kind: "builtin:if", inputs: { condition } }])).toEqual({ total: 0, vip: false });
  });

  it("is found in loops, edges, lists and the conditions of triggers, and put together", () => {
    const body = { actions: [{ id: "b", kind: "x", inputs: { to: ["!ref($.event.data.customer.mail)"] } }], edges: [] };
    const rest = {
      edges: [{ from: "$source", to: "a", conditional: { type: "if", ref: "!ref($.event.data.customer.vip)" } }],
      triggers: [{ event: "e", if: "event.data.customer.country == 'DE' && event.data.name.startsWith('a')" }],
    };
    const actions = [{ id: "a", kind: "builtin:for_each", inputs: { items: "!ref($.event.data.items[*].sku)" }, body }];
    expect(read(actions, rest)).toEqual({
      customer: { country: "", mail: "", vip: "" },
      name: "",
      items: [{ sku: "" }],
    });
  });

  it("is nothing of what steps return, of paths that only the engine follows, and of the event as a whole", () => {
    const inputs = {
      a: "!ref($.state.b.total)",
      b: "!ref($..total)",
      c: "!ref($.event)",
      d: "!ref($.event.data)",
      e: "!ref($.event.data[3])",
      f: 5,
    };
    expect(read([{ id: "a", kind: "x", inputs }])).toEqual({});
  });
});
