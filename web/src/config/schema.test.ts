import { describe, expect, it } from "vitest";
import { workflowSettings, contract, stepSettings, triggerSchema } from "./contract";
import type { FieldKind, Schema } from "./schema";
import { activeChoice, describe as describeField, humanize, initialValue } from "./schema";
import { TRIGGER_KINDS } from "./triggers";
import { validate } from "./validate";

function kindOf(schema: Schema): FieldKind {
  return describeField(schema, schema).kind;
}

/** One of several forms that a fixed member tells apart. */
function formOf(by: string, other: string, minLength = 0): Schema {
  return {
    type: "object",
    required: ["by", other],
    properties: { by: { const: by }, [other]: { type: "string", minLength } },
  };
}

const TEXTS: Schema = { type: "array", items: { type: "string" } };

describe("the kind of a field", () => {
  it.each<[Schema, FieldKind]>([
    [{ type: "string" }, "text"],
    [{ type: ["string", "null"] }, "text"],
    [{ anyOf: [{ type: "string" }, { type: "null" }] }, "text"],
    [{ type: "string", ui: { widget: "textarea" } }, "area"],
    [{ type: "string", format: "password" }, "secret"],
    [{ type: "string", writeOnly: true }, "secret"],
    [{ type: "string", format: "date-time" }, "moment"],
    [{ type: "integer" }, "number"],
    [{ type: "boolean" }, "boolean"],
    [{ enum: ["a", 1] }, "enum"],
    [{ type: "array", items: {} }, "list"],
    [{ type: "object", properties: { a: {} } }, "object"],
    [{ type: "object", additionalProperties: { type: "string" } }, "map"],
    [{ type: "object" }, "map"],
    [{ anyOf: [{ type: "string" }, { type: "array" }] }, "choice"],
    [{ anyOf: [{ type: "string" }, TEXTS], "x-options": {} }, "several"],
    [{ anyOf: [TEXTS, { type: "string" }, { type: "null" }], "x-options": {} }, "several"],
    [{ anyOf: [{ type: "integer" }, { type: "array", items: { type: "integer" } }], "x-options": {} }, "choice"],
    [{ anyOf: [{ type: "string" }, TEXTS, { type: "object" }], "x-options": {} }, "choice"],
    [{ type: ["object", "null"], ui: { widget: "form" } }, "form"],
    [{ type: ["string", "integer"] }, "choice"],
    [{ type: ["string", "number"] }, "numberOrText"],
    [{ anyOf: [{ type: "number" }, { type: "string", pattern: "s$" }] }, "numberOrText"],
    [{ type: ["string", "number"], format: "time-span" }, "duration"],
    [{ anyOf: [{ type: ["string", "number"], format: "time-span" }, { type: "null" }] }, "duration"],
    [{ anyOf: [{ type: "number" }, { type: "string", format: "time-span" }] }, "duration"],
    [{ type: "string", format: "time-span" }, "duration"],
    [{ format: "json-logic" }, "logic"],
    [{}, "any"],
  ])("of %j is %s", (schema, kind) => {
    expect(kindOf(schema)).toBe(kind);
  });

  it("is found behind references, also those that lead in a circle", () => {
    const root: Schema = { $defs: { name: { type: "integer", title: "Number" }, loop: { $ref: "#/$defs/loop" } } };
    expect(describeField({ $ref: "#/$defs/name", description: "here" }, root)).toMatchObject({
      kind: "number",
      title: "Number",
      description: "here",
    });
    expect(describeField({ $ref: "#/$defs/loop" }, root).kind).toBe("any");
    expect(describeField({ $ref: "https://elsewhere.example/schema" }, root).kind).toBe("any");
  });
});

describe("choices", () => {
  const pay: Schema = {
    oneOf: [
      { type: "object", title: "By card", required: ["by"], properties: { by: { const: "card" } } },
      { type: "object", title: "By bank", required: ["by"], properties: { by: { const: "bank" } } },
    ],
  };

  it("are told apart by their fixed values", () => {
    const { choices } = describeField(pay, pay);
    expect(choices.map(({ label }) => label)).toEqual(["By card", "By bank"]);
    expect(activeChoice(choices, { by: "bank" })).toBe(1);
    expect(initialValue(choices[1]?.schema, pay)).toEqual({ by: "bank" });
  });

  it("stay what was chosen while something is missing, if a fixed member tells them apart", () => {
    const { choices } = describeField({ oneOf: [formOf("card", "number"), formOf("bank", "iban")] }, {});
    expect(activeChoice(choices, { by: "bank" })).toBe(1);
    expect(activeChoice(choices, { by: "bank", number: "1" })).toBe(1);
    expect(activeChoice(choices, { by: "cash" })).toBe(0);
    expect(activeChoice(choices, {})).toBe(0);
  });

  it("of single values stand beside other forms", () => {
    const join = describeField((stepSettings().properties as Schema).join, contract());
    expect(join.choices.map(({ label }) => label)).toEqual(["Any", "All", "N of…"]);
    expect(activeChoice(join.choices, "all")).toBe(1);
    expect(activeChoice(join.choices, { n_of: 2 })).toBe(2);
  });
});

describe("the contract of documents", () => {
  it("has a form for every setting and every kind of trigger", () => {
    for (const schema of [stepSettings(), workflowSettings(), ...TRIGGER_KINDS.map(triggerSchema)]) {
      expect(describeField(schema, contract()).kind).toBe(
        Object.keys(schema.properties as Schema).length === 0 ? "map" : "object",
      );
    }
    expect(describeField((workflowSettings().properties as Schema).throttle, contract()).kind).toBe("object");
    expect(initialValue((workflowSettings().properties as Schema).throttle, contract())).toEqual({
      limit: 1,
      period: "1m",
    });
  });
});

describe("names", () => {
  it("are written for people", () => {
    expect(["max_delay", "maxDelay", "sku"].map(humanize)).toEqual(["Max delay", "Max delay", "Sku"]);
  });
});

describe("validation", () => {
  const schema: Schema = {
    type: "object",
    required: ["name"],
    properties: {
      name: { type: "string", minLength: 2 },
      count: { type: "integer", minimum: 1 },
      to: { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] },
      address: { type: "object", properties: { zip: { type: "string", pattern: "^[0-9]+$" } } },
    },
  };

  it("says at each place what is wrong there, and nowhere else", () => {
    const found = validate(schema, { name: "A", count: 0.5, to: 3, address: { zip: "x" } });
    expect([...found.keys()].toSorted()).toEqual(["/address/zip", "/count", "/name", "/to"]);
    expect(found.get("/to")).toBe("This has none of the forms that are allowed here.");
    expect(found.get("/count")).toBe("This must be a whole number.");
  });

  it("knows durations, and says of them what it expects", () => {
    const timeout = (stepSettings().properties as Schema).timeout ?? {};
    const form: Schema = { type: "object", properties: { timeout }, $defs: contract().$defs ?? {} };
    for (const fine of ["3d", "1.5h", "2 m", 90, "!ref($.event.data.pause)", "366d"]) {
      expect(validate(form, { timeout: fine }).size).toBe(0);
    }
    for (const wrong of ["3 days", "3 Tage", "3d 2h", "3D", "0s", "367d"]) {
      expect(validate(form, { timeout: wrong }).get("/timeout")).toBe(
        "This must be a duration of up to 366 days: a number with its unit, such as 30s, 15m, 2h or 7d.",
      );
    }
  });

  it("judges a choice by the form that is meant, where that is clear", () => {
    const choice: Schema = {
      type: "object",
      properties: { pay: { oneOf: [formOf("card", "code", 4), formOf("bank", "code", 2)] } },
    };
    expect([...validate(choice, { pay: { by: "bank", code: "x" } })]).toEqual([
      ["/pay/code", "This needs at least 2 characters."],
    ]);
    expect(validate(choice, { pay: { by: "bank", code: "xy" } }).size).toBe(0);
    expect(validate(choice, { pay: { by: "bank" } }).size).toBe(0);
    expect([...validate(choice, { pay: { by: "cash", code: "x" } }).keys()]).toEqual(["/pay"]);
  });

  it("does not judge what a reference will replace", () => {
    expect(
      validate(schema, { name: "Ada", count: "!ref($.event.data.n)", address: { zip: "!ref($.event.data.zip)" } }).size,
    ).toBe(0);
  });

  it("leaves it to the server to say what is missing", () => {
    expect(validate(schema, {}).size).toBe(0);
  });
});
