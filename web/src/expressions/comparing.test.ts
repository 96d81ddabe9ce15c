import { describe, expect, it } from "vitest";
import type { Json } from "../base/json";
import { textBySize } from "./comparing";
import type { OperatorName } from "./logic";

const VARIABLES = {
  roots: [],
  values: { event: { data: { total: 700, price: "12", city: "Bern", day: "2026-01-31" } } },
};

function found(left: Json, operator: OperatorName, right: Json): string | undefined {
  return textBySize({ kind: "rule", left, operator, right }, VARIABLES as never);
}

describe("a comparison by size", () => {
  it("is told of where a text is no number", () => {
    expect(found("total", "greater", 500)).toBe("total");
    expect(found("!ref($.event.data.total)", "greater", "500 EUR")).toBe("500 EUR");
    expect(found("!ref($.event.data.city)", "atMost", 5)).toBe("!ref($.event.data.city)");
  });

  it("is fine with numbers, texts that are numbers, moments, references that nobody knows, and without values", () => {
    expect(found("!ref($.event.data.total)", "greater", 500)).toBeUndefined();
    expect(found("!ref($.event.data.price)", "less", "500")).toBeUndefined();
    expect(found("!ref($.event.data.day)", "atLeast", "2026-01-01")).toBeUndefined();
    expect(found("!ref($.event.data.nothing)", "atLeast", "")).toBeUndefined();
    expect(found("total", "equals", "500 EUR")).toBeUndefined();
  });
});
