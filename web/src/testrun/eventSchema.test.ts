import { describe, expect, it } from "vitest";
import { eventSchema } from "./eventSchema";

describe("eventSchema", () => {
  it("is that which is declared, if it says something", () => {
    const declared = { properties: { total: { type: "number" } }, required: ["total"] };
    expect(eventSchema(declared, { other: 1 })).toEqual({ type: "object", ...declared });
    expect(eventSchema({}, undefined)).toBeUndefined();
    expect(eventSchema({ type: "object" }, { a: "b" })?.properties).toEqual({ a: { title: "a", type: "string" } });
  });

  it("is told from the data otherwise, as deep as a form can be", () => {
    expect(eventSchema(undefined, { total: 1.5, vip: true, lines: [{ sku: "a" }], none: null })).toEqual({
      type: "object",
      properties: {
        total: { title: "total", type: "number" },
        vip: { title: "vip", type: "boolean" },
        lines: {
          title: "lines",
          type: "array",
          items: { type: "object", properties: { sku: { title: "sku", type: "string" } } },
        },
        none: { title: "none" },
      },
    });
  });

  it("is nothing where there is nothing", () => {
    expect(eventSchema(undefined, {})).toBeUndefined();
  });
});
