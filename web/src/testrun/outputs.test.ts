import { describe, expect, it } from "vitest";
import { madeUp, misfits } from "./outputs";

const LINE = { type: "object", required: ["sku"], properties: { sku: { type: "string" } } };
const CHARGE = {
  type: "object",
  required: ["id", "status"],
  properties: {
    id: { type: "string", examples: ["ch_1"] },
    status: { enum: ["paid", "declined"] },
    amount: { type: "number", minimum: 1 },
    currency: { type: "string", default: "EUR" },
    at: { type: "string", format: "date-time" },
    note: { anyOf: [{ type: "string", minLength: 2 }, { type: "null" }] },
    lines: { type: "array", minItems: 1, items: { $ref: "#/$defs/line" } },
  },
  $defs: { line: LINE },
};

describe("the output of an action", () => {
  it("is made up of examples, defaults and types", () => {
    expect(madeUp(CHARGE, CHARGE)).toEqual({
      id: "ch_1",
      status: "paid",
      amount: 1,
      currency: "EUR",
      at: "2026-01-31T09:00:00Z",
      note: "xx",
      lines: [{ sku: "" }],
    });
    expect(misfits(CHARGE, madeUp(CHARGE, CHARGE))).toEqual([]);
    expect(madeUp({ allOf: [LINE, { properties: { n: { type: "integer" } } }] }, {})).toEqual({ sku: "", n: 0 });
    expect(madeUp({}, {})).toEqual({});
  });

  it("ends where its schema leads into itself", () => {
    const tree = { type: "object", properties: { child: { $ref: "#" } } };
    expect(JSON.stringify(madeUp(tree, tree))).toContain('{"child":{"child":');
  });

  it("is said not to fit, by field", () => {
    expect(misfits(CHARGE, { status: "paid", lines: [{}], amount: "much" })).toEqual([
      "id is missing",
      "lines › 0 › sku is missing",
      "amount: This must be a number.",
    ]);
    expect(misfits(CHARGE, [])).toEqual(["This must be an object."]);
  });
});
