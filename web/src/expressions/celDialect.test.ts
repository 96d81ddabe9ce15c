import { describe, expect, it } from "vitest";
import type { Json } from "../base/json";
import { EXPRESSION } from "./celDialect";
import type { Rule } from "./rows";
import { variablesForTrigger } from "./triggerVariables";

const EVENTS = new Map<string, Json>([
  [
    "shop/paid",
    {
      type: "object",
      properties: {
        total: { type: "number" },
        zip: { type: "string" },
        state: { type: "string", enum: ["new", "old"] },
        paid: { type: "boolean" },
        tags: { type: "array", items: { type: "string" } },
        at: { type: "string", format: "date-time" },
        "e-mail": { type: ["string", "null"] },
      },
    },
  ],
]);
const VARIABLES = variablesForTrigger({ actions: [], edges: [] }, { event: "shop/paid" }, EVENTS, undefined);

function row(left: string, operator = "equals", right: Json = null): Rule {
  return { kind: "rule", left: `event.data${left}`, operator, right };
}

function operators(rule: Rule): readonly string[] {
  return EXPRESSION.operators(rule, VARIABLES).map(([name]) => name);
}

function typed(rule: Rule, text: string): Json {
  return EXPRESSION.right.parse(text, rule, VARIABLES);
}

function shown(rule: Rule): string {
  return EXPRESSION.right.show(rule, VARIABLES);
}

function note(rule: Rule): string | undefined {
  return EXPRESSION.noteOn(rule, VARIABLES)?.text;
}

describe("a row of an expression", () => {
  it("offers the operators that its field can have", () => {
    expect(operators(row(".total"))).toContain("greater");
    expect(operators(row(".total"))).not.toContain("contains");
    expect(operators(row(".zip"))).toEqual(expect.arrayContaining(["contains", "oneOf", "empty"]));
    expect(operators(row(".zip"))).not.toContain("greater");
    expect(operators(row(".at"))).toEqual(expect.arrayContaining(["after", "before"]));
    expect(operators(row(".tags", "includes"))).toEqual(["includes", "includesNot", "empty", "filled"]);
    expect(operators(row(".nothing"))).toHaveLength(23);
    expect(operators(row(".zip", "greater"))).toContain("greater");
  });

  it("takes what is typed for a value of its field's type", () => {
    expect(typed(row(".total"), "100")).toBe(100);
    expect(typed(row(".zip"), "8000")).toBe("8000");
    expect(typed(row("['e-mail']"), "true")).toBe("true");
    expect(typed(row(".nothing"), "100")).toBe(100);
    expect(typed(row(".nothing"), '"100"')).toBe("100");
    expect(typed(row(".nothing"), "9007199254740993")).toBe("9007199254740993");
    expect(typed(row(".total"), "event.data.limit")).toEqual({ path: "event.data.limit" });
    expect(typed(row(".zip"), '"event.data.limit"')).toBe("event.data.limit");
    expect(typed(row(".zip"), "")).toBeNull();
    expect(typed(row(".zip"), '""')).toBe("");
    expect(typed(row(".zip", "oneOf"), '8000, "a, b" ,c')).toEqual(["8000", "a, b", "c"]);
    expect(typed(row(".total", "oneOf"), "1, 2")).toEqual([1, 2]);
    expect(typed(row(".at", "after"), " 2026-12-24 ")).toBe("2026-12-24");
  });

  it("shows values so that they are typed the same", () => {
    const values: readonly Json[] = ["8000", "", "a, b", ' "x" ', "event.data.x", "true", 7, true, "-1e5"];
    for (const field of [".zip", ".total", ".nothing"])
      for (const value of values) {
        const isOther = field === ".zip" && typeof value !== "string";
        if (!isOther) expect(typed(row(field), shown(row(field, "equals", value)))).toEqual(value);
        const list = row(field, "oneOf", [value, "z"]);
        if (!isOther) expect(typed(list, shown(list))).toEqual([value, "z"]);
      }
  });

  it("fits its operator and its value to another field", () => {
    const moved = (rule: Rule, left: string): Rule => EXPRESSION.withLeft(rule, `event.data${left}`, VARIABLES);
    expect(moved(row(".nothing", "equals", 5), ".zip")).toEqual(row(".zip", "equals", "5"));
    expect(moved(row(".zip", "equals", "5"), ".total")).toEqual(row(".total", "equals", 5));
    expect(moved(row(".zip", "contains", "5"), ".total").operator).toBe("equals");
    expect(moved(row(".zip", "equals", "x"), ".paid")).toEqual(row(".paid", "equals", true));
    expect(EXPRESSION.isYesOrNo(row(".paid"), VARIABLES)).toBe(true);
    expect(EXPRESSION.isYesOrNo(row(".paid", "equals", "yes"), VARIABLES)).toBe(false);
    expect(EXPRESSION.withOperator(row(".zip", "equals", "a"), "oneOf").right).toEqual(["a"]);
    expect(EXPRESSION.withOperator(row(".zip", "oneOf", ["a", "b"]), "differs").right).toBe("a");
  });

  it("offers the fields and the values that are declared", () => {
    expect(EXPRESSION.left.offered(row(".zip"), VARIABLES)).toEqual(
      expect.arrayContaining(["event.data.total", "event.data['e-mail']", "event.data.tags[0]"]),
    );
    expect(EXPRESSION.left.pick("!ref($.event.data['e-mail'])")).toBe("event.data['e-mail']");
    expect(EXPRESSION.right.pick("!ref($.event.data.total)")).toEqual({ path: "event.data.total" });
    expect(EXPRESSION.right.offered(row(".state"), VARIABLES)).toEqual(["new", "old"]);
  });

  it("says what is wrong with it", () => {
    expect(note(row(".total", "greater", 5))).toBeUndefined();
    expect(note(row(".total", "greater"))).toContain("not complete");
    expect(note({ ...row(".x"), left: "the total" })).toContain("is no field");
    expect(note(row(".zip", "equals", 8000))).toContain("another type");
    expect(note(row(".total", "oneOf", [1, "x"]))).toContain('"x" is of another type');
    expect(note(row(".nothing", "greater", "500 EUR"))).toContain("has no size");
    expect(note(row(".at", "after", "tomorrow"))).toContain("2026-12-24");
    expect(note(row(".total", "less", 5))).toContain("is missing");
  });
});
