import { expect, it } from "vitest";
import { beginningOf } from "./DecisionForm";

it("begins with the defaults of a form, and with what its switches show", () => {
  const properties = {
    amount: { type: "number", default: 5 },
    ok: { type: "boolean" },
    sure: { type: "boolean", default: true },
    why: { type: "string" },
    none: { type: ["string", "null"], default: null },
    odd: true,
  };
  expect(beginningOf({ type: "object", properties })).toEqual({ amount: 5, ok: false, sure: true });
  expect([beginningOf(null), beginningOf({ type: "object" })]).toEqual([{}, {}]);
});
