import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import table from "../../../tests/api/data/condition_rows.json";
import type { Json } from "../base/json";
import type { CelOperator, Rule, RuleGroup } from "./celOperators";
import { CEL_OPERATORS, isMoment } from "./celOperators";
import { readPlace } from "./celReader";
import { readExpression, writeExpression, writePlace } from "./celRows";

/** The engine evaluates the same table: tests/api/test_condition_rows.py. */
const CONDITIONS = table.conditions as unknown as readonly {
  readonly expression: string;
  readonly rows: RuleGroup;
  readonly spelled: readonly string[];
}[];

const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,5}$/).filter((text) => !["in", "as", "if"].includes(text));
const place = fc
  .array(fc.oneof(name, fc.nat(9), fc.string({ minLength: 1, maxLength: 4 }).filter(isText)), { maxLength: 3 })
  .map((keys) => writePlace(["event", "data", ...keys]));
const literal: fc.Arbitrary<Json> = fc.oneof(
  fc.string().filter(isText),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
  fc.boolean(),
);
const rule: fc.Arbitrary<Rule> = fc
  .record({ left: place, operator: fc.constantFrom(...(Object.keys(CEL_OPERATORS) as CelOperator[])) })
  .chain(({ left, operator }) =>
    rightOf(operator).map((right): Rule => ({ kind: "rule", left, operator, right: right as Json })),
  );
const { group } = fc.letrec<{ group: RuleGroup }>((tie) => ({
  group: fc.record({
    kind: fc.constant("group" as const),
    join: fc.constantFrom("and" as const, "or" as const),
    members: fc.array(fc.oneof({ depthSize: "small" }, rule, tie("group")), { minLength: 2, maxLength: 4 }),
  }),
}));

function rightOf(operator: CelOperator): fc.Arbitrary<Json> {
  if (!CEL_OPERATORS[operator].hasValue) return fc.constant(null);
  if (operator === "oneOf" || operator === "noneOf") return fc.array(literal, { minLength: 1, maxLength: 3 });
  if (operator === "after" || operator === "before")
    return fc.constantFrom("2026-01-31", "2026-01-31T10:00:00Z", "2026-01-31 10:00+01:00");
  if (operator === "includes" || operator === "includesNot") return literal;
  return fc.oneof(
    literal,
    place.map((path) => ({ path })),
  );
}

function isText(text: string): boolean {
  return !/[\0\uD800-\uDFFF]/u.test(text);
}

describe("rows of an expression", () => {
  it.each(CONDITIONS)("are written as $expression and read from it", ({ expression, rows, spelled }) => {
    expect(writeExpression(rows)).toBe(expression);
    expect(readExpression(expression)).toEqual(rows);
    for (const other of spelled) expect(readExpression(other), other).toEqual(rows);
  });

  it.each(table.code)("leave alone %s", (expression) => {
    expect(readExpression(expression)).toBeUndefined();
  });

  it("leave alone what is no expression", () => {
    for (const text of [
      "event.data.total >",
      "event.data.",
      "'a",
      "a b",
      ")",
      "(event.data.x",
      "  ",
      "$id",
      "a\u00a0== 1",
    ])
      expect(readExpression(text), text).toBeUndefined();
    expect(readExpression(7)).toBeUndefined();
  });

  it("are read as they were written", () => {
    fc.assert(
      fc.property(group, (rows) => {
        expect(readExpression(writeExpression(rows))).toEqual(rows);
      }),
    );
  });

  it("are none without a condition, and of one that is not complete nothing is written", () => {
    expect(readExpression(undefined)).toEqual({ kind: "group", join: "and", members: [] });
    const whole: Rule = { kind: "rule", left: "event.data.a", operator: "equals", right: 1 };
    const without: readonly Rule[] = [
      { ...whole, left: "" },
      { ...whole, left: "a b" },
      { ...whole, left: "true" },
      { ...whole, right: null },
      { ...whole, operator: "oneOf", right: [] },
      { ...whole, operator: "after", right: "soon" },
      { ...whole, right: { path: "event.data.a +" } },
      { ...whole, right: "\0" },
    ];
    for (const each of without) {
      expect(writeExpression({ kind: "group", join: "and", members: [each] })).toBeUndefined();
      const nested: RuleGroup = { kind: "group", join: "or", members: [each, whole, each] };
      expect(writeExpression({ kind: "group", join: "and", members: [nested, each] })).toBe("event.data.a == 1");
    }
  });

  it.each(Object.entries(table.moments))("know whether %s is a time: %s", (text, isTime) => {
    expect(isMoment(text)).toBe(isTime);
  });

  it("have places with names of any kind", () => {
    expect(writePlace(["event", "data", "it's", 0, "in", "a-b"])).toBe("event.data['it\\'s'][0].in['a-b']");
    expect(readPlace("event.data['it\\'s'][0].in['a-b']")).toEqual(["event", "data", "it's", 0, "in", "a-b"]);
    expect(readPlace("event.data[-1]")).toBeUndefined();
    expect(readPlace("while.data")).toBeUndefined();
  });
});
