import { describe, expect, it } from "vitest";
import type { Action } from "../api/schema";
import type { JsonObject } from "../base/json";
import { Catalogue } from "../editor/catalogue";
import { prepare } from "../editor/prepare";
import { NOTHING } from "../editor/store";
import { NO_PROBLEMS } from "../problems/locate";
import type { FlowInput } from "./flow";
import { Routes } from "./routes";
import { wire } from "./wire";

const WAYS: readonly { name: string; conditional: JsonObject }[] = [
  { name: "True", conditional: { type: "if", ref: "!ref($.output.result)" } },
  { name: "False", conditional: { type: "else", ref: "!ref($.output.result)" } },
];

function kind(name: string, edges: object): Action {
  return { kind: name, name: `The ${name}`, description: "", category: null, icon: null, inputs: {}, edges } as never;
}

const CATALOGUE = new Catalogue([kind("if", { allowAdd: false, edges: WAYS }), kind("log", { edges: [] })]);
const DOCUMENT = prepare({
  actions: [
    { id: "check", kind: "if" },
    { id: "note", kind: "log" },
    { id: "end", kind: "log", name: "The end" },
  ],
  edges: [
    { from: "check", to: "note", conditional: WAYS[0]?.conditional ?? null },
    { from: "note", to: "end" },
  ],
});
const INPUT: FlowInput = {
  graph: DOCUMENT,
  scope: [],
  positions: new Map([
    ["check", { x: 0, y: 0 }],
    ["note", { x: 0, y: 140 }],
    ["end", { x: 280, y: 280 }],
  ]),
  isMoving: false,
  catalogue: CATALOGUE,
  selection: NOTHING,
  problems: NO_PROBLEMS,
  triggerLines: [],
  notes: new Map(),
  groups: new Map(),
  connectTarget: undefined,
  painting: undefined,
};

describe("a connection", () => {
  const actions = new Map(DOCUMENT.actions.map((action) => [action.id, action]));
  const wires = DOCUMENT.edges.map((edge) => wire(INPUT, edge, actions, new Routes()));

  it("turns late where its step has several ways: their signs for adding steps stand above its name", () => {
    expect(wires.map(({ data }) => data?.bend)).toEqual([125, undefined]);
  });

  it("names its steps as they are called on the canvas", () => {
    expect(wires.map(({ ariaLabel }) => ariaLabel)).toEqual([
      "From The if to The log, True",
      "From The log to The end",
    ]);
    expect(wires[1]?.data).toMatchObject({ from: "The log", to: "The end" });
  });
});
