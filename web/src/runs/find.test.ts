import { describe, expect, it } from "vitest";
import { findText } from "./find";

const VALUE = { Order: { id: "A-17", lines: [{ sku: "order-1", n: 2 }, null] }, total: 17.5, ok: true };

describe("looking for a text in a value", () => {
  it("finds names and simple values, in order, whatever the case", () => {
    const found = findText(VALUE, "ORDER");
    expect(found.places.map(({ path }) => path)).toEqual([["Order"], ["Order", "lines", 0, "sku"]]);
    expect(found.isCut).toBe(false);
    expect(findText(VALUE, "17").places.map(({ path }) => path.join("."))).toEqual(["Order.id", "total"]);
    expect(findText(VALUE, "true").places.map(({ value }) => value)).toEqual([true]);
    expect(findText(VALUE, "null").places.map(({ path }) => path)).toEqual([["Order", "lines", 1]]);
    expect(findText(VALUE, "nothing of it").places).toEqual([]);
  });

  it("lists so many places and says that there are more", () => {
    const found = findText(
      Array.from({ length: 1000 }, () => "same"),
      "same",
    );
    expect([found.places.length, found.isCut]).toEqual([200, true]);
  });

  it("looks into what is nested deeper than a function may call itself", () => {
    let value: unknown = "deep";
    for (let depth = 0; depth < 1_000; depth += 1) value = [value];
    expect(findText(value as string[], "deep").places[0]?.path.length).toBe(1_000);
  });
});
