import { describe, expect, it } from "vitest";
import { choicesOf, chosenId, labelFor } from "./choices";

const CHOICES = choicesOf([
  { id: "w1", name: "Paid orders" },
  { id: "w2", name: "Refunds" },
  { id: "w3", name: "Refunds" },
  { id: "w4", name: "" },
]);

describe("the choice of a workflow", () => {
  it("is by name, and of two with one name by id, too", () => {
    expect([...CHOICES.keys()]).toEqual(["Paid orders", "Refunds (w2)", "Refunds (w3)", "w4"]);
    expect(chosenId("Paid orders", CHOICES)).toBe("w1");
    expect(chosenId(" paid ", CHOICES)).toBe("w1");
    expect(labelFor("w3", CHOICES)).toBe("Refunds (w3)");
  });

  it("is what was typed, if that is an id, an application, or nothing that is known", () => {
    expect(["w2", "shop/", "Refunds", "", "elsewhere"].map((text) => chosenId(text, CHOICES))).toEqual([
      "w2",
      "shop/",
      "Refunds",
      "",
      "elsewhere",
    ]);
    expect(labelFor("gone", CHOICES)).toBe("gone");
  });
});
