import { describe, expect, it } from "vitest";
import type { Json, JsonObject } from "../../base/json";
import type { Row } from "./rows";
import { formOf, labelled, moved, nameProblem, newRow, ofKind, schemaOf } from "./rows";

function rowsOf(properties: JsonObject): readonly Row[] {
  return formOf({ type: "object", properties })?.rows ?? [];
}

const FIELDS: JsonObject = {
  reason: { type: "string", title: "Reason", description: "In a line" },
  story: { type: "string", ui: { widget: "textarea" }, maxLength: 500 },
  amount: { type: "number", title: "Amount", minimum: 1 },
  pieces: { type: "integer" },
  urgent: { type: "boolean", default: true },
  until: { type: "string", format: "date" },
  carrier: { type: "string", enum: ["By post", "By courier"] },
  mail: { type: "string", format: "email" },
  when: { type: "string", format: "date-time" },
  lines: { type: "array", items: { type: "string" }, title: "Lines" },
  maybe: { type: ["string", "null"] },
  level: { type: "integer", enum: [1, 2] },
  odd: { type: "string", enum: [" a", "b"] },
  twice: { type: "string", enum: ["a", "a"] },
  coded: { type: "string", ui: { widget: "code" } },
  untold: { type: "string", title: "" },
  anything: {},
};

describe("the rows of a form", () => {
  it("show each field as what it asks for", () => {
    expect(Object.fromEntries(rowsOf(FIELDS).map(({ name, kind }) => [name, kind]))).toEqual({
      reason: "text",
      story: "area",
      amount: "number",
      pieces: "integer",
      urgent: "boolean",
      until: "date",
      carrier: "choice",
      mail: "text",
      ...Object.fromEntries(
        ["when", "lines", "maybe", "level", "odd", "twice", "coded", "untold", "anything"].map((name) => [
          name,
          "other",
        ]),
      ),
    });
  });

  it.each<[string, JsonObject]>([
    ["everything", { type: "object", properties: FIELDS, required: ["amount", "when"] }],
    ["texts around it", { type: "object", title: "T", properties: {}, additionalProperties: false }],
    ["nothing else", { type: "object", properties: { a: { type: "string" } } }],
  ])("lose nothing of %s", (_, schema) => {
    const form = formOf(schema);
    expect(form && schemaOf(form)).toEqual(schema);
    expect(Object.keys((form && schemaOf(form))?.properties as JsonObject)).toEqual(
      Object.keys(schema.properties as JsonObject),
    );
  });

  it.each<[string, Json]>([
    ["a reference", "!ref($.event.data.form)"],
    ["a list", []],
    ["no object", { type: "string" }],
    ["no type", { properties: {} }],
    ["conditions", { type: "object", properties: {}, if: {}, else: {} }],
    ["alternatives", { type: "object", anyOf: [{ required: ["a"] }], properties: { a: {} } }],
    ["definitions", { type: "object", $defs: {}, properties: {} }],
    ["other fields of a schema", { type: "object", properties: {}, additionalProperties: { type: "string" } }],
    ["fields that are none", { type: "object", properties: { a: true } }],
    ["what is required and is no field", { type: "object", properties: {}, required: ["a"] }],
  ])("are not there for %s", (_, schema) => {
    expect(formOf(schema)).toBeUndefined();
  });

  it("are none where nothing is asked for, which is no schema", () => {
    for (const value of [undefined, null]) {
      const form = formOf(value);
      expect(form).toEqual({ rows: [], outer: {} });
      expect(form && schemaOf(form)).toBeUndefined();
    }
  });
});

describe("a row", () => {
  const [first, second] = rowsOf({ amount: { type: "integer", minimum: 1 }, why: { type: "string", format: "email" } });
  const rows = [first, second] as readonly [Row, Row];

  it("is in the schema when it has a label, and is called after it until somebody names it", () => {
    const fresh = newRow(rows);
    expect(schemaOf({ rows: [fresh], outer: {} })).toBeUndefined();
    const names = ["Größe (cm)", "Amount", "الاسم", "2nd try", "  "].map((label) => labelled(fresh, label, rows).name);
    expect(names).toEqual(["grosse_cm", "amount_2", "field", "field_2nd_try", ""]);
    expect(labelled({ ...fresh, name: "own", isUnnamed: false }, "Else", rows).name).toBe("own");
    expect(labelled(rows[0], "Else", rows).name).toBe("amount");
  });

  it("keeps what it says where that still means something", () => {
    expect(ofKind(rows[0], "number")).toMatchObject({ kind: "number", rest: { minimum: 1 } });
    expect(ofKind(rows[0], "text").rest).toEqual({});
    expect(ofKind({ ...rows[1], rest: { format: "email", maxLength: 9 } }, "area").rest).toEqual({ maxLength: 9 });
  });

  it("has a name that references can be written with, and nobody else", () => {
    const said = ["", "why", "amount", "1", "a b", "a.b", "ok_1"].map((name) => nameProblem(name, rows[0], rows));
    expect(said).toEqual(["missing", "taken", undefined, "unusual", "unusual", "unusual", undefined]);
  });

  it("without choices is a text until it has some", () => {
    const choice = { ...rows[1], kind: "choice" as const, choices: [], rest: {} };
    expect(schemaOf({ rows: [choice], outer: {} })?.properties).toEqual({ why: { type: "string" } });
  });

  it("moves among the others, and not beyond them", () => {
    expect(moved(rows, 0, 1)).toEqual([second, first]);
    expect(moved(rows, 0, -1)).toBe(rows);
    expect(moved(rows, 1, 2)).toBe(rows);
  });
});
