import { describe, expect, it } from "vitest";
import type { WorkflowDocument } from "../document/types";
import { eventSchema } from "./eventSchema";

const DOCUMENT: WorkflowDocument = { name: "x", actions: [], edges: [] };

describe("eventSchema", () => {
  it("is that of the workflow, if it says something", () => {
    const inputs = { properties: { total: { type: "number" } }, required: ["total"] };
    expect(eventSchema({ ...DOCUMENT, inputs }, { other: 1 })).toEqual({ type: "object", ...inputs });
    expect(eventSchema({ ...DOCUMENT, inputs: {} }, undefined)).toBeUndefined();
  });

  it("is told from the data otherwise, as deep as a form can be", () => {
    expect(eventSchema(DOCUMENT, { total: 1.5, vip: true, lines: [{ sku: "a" }], none: null })).toEqual({
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
    expect(eventSchema(DOCUMENT, {})).toBeUndefined();
  });
});
