import { describe, expect, it } from "vitest";
import { openDocument } from "../document/read";
import { indexProblems, locate, targetKey } from "./locate";

const document = openDocument({
  actions: [
    { id: "a", kind: "log" },
    {
      id: "loop",
      kind: "builtin:for_each",
      body: { actions: [{ id: "b", kind: "log" }], edges: [{ from: "$source", to: "b" }] },
    },
  ],
  edges: [{ from: "$source", to: "a" }],
});

describe("the pointer of a problem", () => {
  it.each([
    ["/actions/0/inputs/to~1x", { kind: "action", scope: [], id: "a", field: "/inputs/to~1x" }],
    ["/actions/1/body/actions/0/kind", { kind: "action", scope: ["loop"], id: "b", field: "/kind" }],
    ["/actions/1/body/edges/0/conditional", { kind: "edge", scope: ["loop"], id: "edge-1", field: "/conditional" }],
    ["/actions/1/body", { kind: "action", scope: [], id: "loop", field: "/body" }],
    ["/edges/0", { kind: "edge", scope: [], id: "edge-1", field: "" }],
    ["/triggers/0/event", { kind: "workflow", field: "/triggers/0/event" }],
    ["/actions/9", { kind: "workflow", field: "/actions/9" }],
    ["", { kind: "workflow", field: "" }],
  ])("%s leads to its place", (pointer, target) => {
    expect(locate(document, pointer)).toEqual(target);
  });

  it("sorts problems to what they are about", () => {
    const problem = { pointer: "/actions/0/kind", code: "x", message: "", severity: "error" } as const;
    const index = indexProblems(document, [problem, { ...problem, severity: "warning" }]);
    expect(index.errorCount).toBe(1);
    expect(index.byTarget.get(targetKey("action", [], "a"))).toHaveLength(2);
  });
});
