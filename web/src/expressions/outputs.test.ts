import { describe, expect, it } from "vitest";
import type { Action } from "../api/schema";
import type { Json } from "../base/json";
import { openDocument } from "../document/read";
import { Catalogue } from "../editor/catalogue";
import { NO_SAMPLES, flatten, variablesFor } from "./variables";
import { pathProblem } from "./wrongPaths";

const DATA = { type: ["object", "null"], title: "Data", "x-schema-from": "form" };
const DECIDED = { type: "object", properties: { status: { type: "string" }, data: DATA } };
const catalogue = new Catalogue([
  { kind: "ask", name: "Ask", icon: null, inputs: {}, outputs: DECIDED } as unknown as Action,
]);

/** What may be referred to behind a step that asks. */
function behind(form: Json) {
  const actions = [
    { id: "a", kind: "ask", inputs: { form } },
    { id: "z", kind: "ask" },
  ];
  const document = openDocument({ actions, edges: [{ from: "a", to: "z" }] });
  return variablesFor({ document, scope: [], catalogue, samples: NO_SAMPLES, events: new Map() }, "z");
}

describe("the output of a step", () => {
  it("has the fields that an input of the step describes", () => {
    const variables = behind({ type: "object", properties: { amount: { type: "number", title: "Amount" } } });
    const data = flatten(variables.roots).filter(({ key }) => key.startsWith("state/a/data"));
    expect(data.map(({ key, label, type }) => [key, label, type])).toEqual([
      ["state/a/data", "Data", "object"],
      ["state/a/data/amount", "Amount", "number"],
    ]);
    expect(pathProblem("$.state.a.data.amount", variables)).toBeUndefined();
    expect(pathProblem("$.state.a.data.amuont", variables)).toBe("Ask has no field data.amuont.");
    expect(pathProblem("$.state.a.status", variables)).toBeUndefined();
  });

  it.each<[string, Json]>([
    ["a reference", "!ref($.event.data.form)"],
    ["nothing", null],
    ["a list", []],
  ])("is what its action declares where that is %s", (_, form) => {
    expect(pathProblem("$.state.a.data.anything", behind(form))).toBeUndefined();
  });
});
