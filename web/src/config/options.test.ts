import { describe as group, expect, it } from "vitest";
import { knownInputs, matching, missingInput, optionsMark, typedValue } from "./options";
import type { Schema } from "./schema";

const SCHEMA: Schema = {
  type: "object",
  properties: {
    account: { type: "string", title: "Account" },
    days: { type: "integer", default: 5 },
    token: { type: "string", writeOnly: true },
    filter: { type: "object" },
    channel: {
      type: "string",
      "x-options": {
        input: "channel",
        depends_on: ["account", "days", "token", "filter"],
        needs: ["account"],
        searches: false,
      },
    },
  },
};
const mark = optionsMark((SCHEMA.properties as Schema).channel as Schema);
const CHANNELS = [
  { value: "C1", label: "#general" },
  { value: "C2", label: "#orders" },
  { value: 7, label: "Seven" },
];

function known(inputs: Schema): Schema {
  return mark === undefined ? {} : knownInputs(mark, inputs, SCHEMA);
}

function missing(inputs: Schema): unknown {
  return mark === undefined ? mark : missingInput(mark, known(inputs), inputs, SCHEMA);
}

group("what the server is told", () => {
  it("is read from the mark, and nothing else is one", () => {
    expect(mark).toEqual({
      input: "channel",
      dependsOn: ["account", "days", "token", "filter"],
      needs: ["account"],
      searches: false,
    });
    expect(optionsMark({ "x-options": true })).toBeUndefined();
    expect(optionsMark({ "x-options": { input: "x", depends_on: "account" } })?.dependsOn).toEqual([]);
  });

  it("is what the options depend on, with defaults", () => {
    expect(known({ account: "acme", channel: "C1", other: 1 })).toEqual({ account: "acme", days: 5 });
    expect(known({ account: null, days: 2 })).toEqual({ days: 2 });
  });

  it("holds no references, which only a run knows", () => {
    expect(known({ account: "!ref($.event.data.account)", filter: { deep: ["a !ref($.event.id)"] } })).toEqual({
      days: 5,
    });
  });

  it("never holds what was typed into a secret field", () => {
    expect(known({ token: "hunter2" })).not.toHaveProperty("token");
    expect(known({ token: "!secret(a) hunter2" })).not.toHaveProperty("token");
    expect(known({ token: { a: "hunter2" } })).not.toHaveProperty("token");
    expect(known({ token: "!secret(carrier)" })).toHaveProperty("token", "!secret(carrier)");
  });
});

group("what has to be chosen first", () => {
  it("is the first field that is needed and not known", () => {
    expect(missing({})).toEqual({ label: "Account", isReference: false });
    expect(missing({ account: "!ref($.event.data.account)" })).toEqual({ label: "Account", isReference: true });
    expect(missing({ account: "acme" })).toBeUndefined();
  });
});

group("a typed text", () => {
  it("finds options by label and by value", () => {
    expect(matching(CHANNELS, "ORD")).toEqual([CHANNELS[1]]);
    expect(matching(CHANNELS, "c1")).toEqual([CHANNELS[0]]);
    expect(matching(CHANNELS, " ")).toEqual(CHANNELS);
    expect(matching(CHANNELS, "zzz")).toEqual([]);
  });

  it("stands for an option, or for itself", () => {
    expect(typedValue("#orders", CHANNELS, "text")).toBe("C2");
    expect(typedValue("7", CHANNELS, "number")).toBe(7);
    expect(typedValue("C9", CHANNELS, "text")).toBe("C9");
    expect(typedValue("12", CHANNELS, "number")).toBe(12);
    expect(typedValue("many", CHANNELS, "number")).toBe("many");
    expect(typedValue("  ", CHANNELS, "text")).toBeUndefined();
  });
});
