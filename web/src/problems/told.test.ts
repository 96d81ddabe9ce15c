import { describe, expect, it } from "vitest";
import type { Action } from "../api/schema";
import { prepare } from "../editor/prepare";
import { Catalogue } from "../editor/catalogue";
import { indexProblems } from "./locate";
import { tell, tellInOneLine } from "./told";

const INPUTS = {
  type: "object",
  properties: {
    order: { type: "string" },
    lines: { type: "array", items: { properties: { pieces: { type: "integer", title: "Number of pieces" } } } },
  },
};
const ACTION = { kind: "send_invoice", name: "Send the invoice", description: "", category: null, icon: null };
const CATALOGUE = new Catalogue([{ ...ACTION, inputs: INPUTS, edges: {} } as unknown as Action]);
const DOCUMENT = prepare({
  actions: [
    { id: "a", kind: "send_invoice" },
    { id: "b", kind: "send_invoice", name: "Once more" },
  ],
  edges: [{ from: "a", to: "b" }],
});

function aProblem(pointer: string, code: string, message: string) {
  return { pointer, code, message, severity: "error" } as const;
}

describe("a problem", () => {
  const missing = aProblem("/actions/0/inputs/order", "missing-input", "Action 'a' needs the input 'order'");
  const wrong = aProblem(
    "/actions/1/inputs/lines/1/pieces",
    "invalid-input",
    "Action 'b' has an invalid input for 'lines': Expected integer, got \"x\" (at /lines/1/pieces)",
  );
  const edge = aProblem("/edges/0/conditional", "unexpected-error-edge", "This edge is never taken");

  it("is told as missing where a trigger is still empty, as it begins", () => {
    const document = prepare({ triggers: [{ event: "" }], actions: [], edges: [] });
    const message = "event: Expected at least 1 character, got 0";
    const textOf = (pointer: string) => {
      const problem = aProblem(pointer, "invalid-value", message);
      return indexProblems(document, [problem]).all.map((each) => tell(document, CATALOGUE, each).text);
    };
    expect([textOf("/triggers/0/event"), textOf("/trigger/event"), textOf("/settings/event")]).toEqual([
      ["Event is missing"],
      [message],
      [message],
    ]);
  });

  it("is told with the names of the step and of the field", () => {
    const told = indexProblems(DOCUMENT, [missing, wrong, edge]).all.map((each) => tell(DOCUMENT, CATALOGUE, each));
    expect(told).toEqual([
      { where: "Send the invoice", text: "Order is missing" },
      { where: "Once more", text: 'Lines › 2 › Number of pieces: Expected integer, got "x" (at /lines/1/pieces)' },
      { where: "From Send the invoice to Once more", text: "This edge is never taken" },
    ]);
  });

  it("is told in one line, and without pointers", () => {
    expect(tellInOneLine(DOCUMENT, CATALOGUE, missing)).toBe("Send the invoice: Order is missing");
    expect(tellInOneLine(DOCUMENT, CATALOGUE, aProblem("/stubs/a", "x", "no stub"))).toBe("no stub");
  });
});
