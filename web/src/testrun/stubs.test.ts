import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { keptName, presentOwner, useSession } from "../api/session";
import type { SessionState } from "../api/schema";
import { plainStubs, proposedStub, readStubs, stepOf, stubFrom, writeStubs } from "./stubs";

function logIn(tenant: string, actor: string): void {
  useSession.setState({ state: { kind: "user", environment: "production", tenant, actor } as SessionState });
}

beforeEach(() => logIn("acme", "ada"));
afterEach(() => {
  vi.unstubAllGlobals();
  localStorage.clear();
  useSession.setState({ state: undefined });
});

function denied(): never {
  throw new DOMException("Access is denied for this document.", "SecurityError");
}

describe("stubs", () => {
  it("are kept for each workflow, and forgotten with the last one", () => {
    writeStubs("a", { "node:x": { output: 1 } });
    expect(readStubs("a")).toEqual({ "node:x": { output: 1 } });
    expect(readStubs("b")).toEqual({});
    writeStubs("a", {});
    expect(localStorage.length).toBe(0);
  });

  it("are nobody else's", () => {
    writeStubs("a", { "node:x": { output: 1 } });
    logIn("globex", "ada");
    expect(readStubs("a")).toEqual({});
    logIn("acme", "eve");
    expect(readStubs("a")).toEqual({});
    useSession.setState({ state: undefined });
    expect(readStubs("a")).toEqual({});
    logIn("acme", "ada");
    expect(readStubs("a")).toEqual({ "node:x": { output: 1 } });
  });

  it("are none where the storage holds something else", () => {
    const name = keptName("stubs", presentOwner() ?? "", "a");
    localStorage.setItem(name, "[1");
    expect(readStubs("a")).toEqual({});
    localStorage.setItem(name, '{"node:x": 1, "node:y": {"output": 2}}');
    expect(readStubs("a")).toEqual({ "node:y": { output: 2 } });
  });

  it("are not kept where the browser allows no storage", () => {
    vi.stubGlobal("localStorage", { getItem: denied, setItem: denied, removeItem: denied });
    writeStubs("a", { "node:x": { output: 1 } });
    writeStubs("a", {});
    expect(readStubs("a")).toEqual({});
  });

  it("are proposed by what is missing", () => {
    const missing = { step: "w", kind: "k", stub: "step:w/event" };
    const stubOf = (waits_for: string | null, name: string | null): object =>
      proposedStub({ ...missing, waits_for, name }, undefined, undefined).stub;
    expect(stubOf("event", "paid")).toEqual({ event: { name: "paid", data: {} } });
    expect(stubOf(null, null)).toEqual({ output: {} });
    expect(stubOf("approval", null)).toEqual({ output: { status: "approved", data: {} } });
  });

  it("are what a step returned last, or else what its action declares", () => {
    const missing = { step: "pay", kind: "pay", stub: "node:pay", waits_for: null, name: null };
    const declared = { type: "object", properties: { id: { type: "string" }, total: { type: "number" } } };
    expect(proposedStub(missing, { id: "ch_1" }, declared)).toEqual({
      stub: { output: { id: "ch_1" } },
      source: "last",
    });
    expect(proposedStub(missing, undefined, declared)).toEqual({
      stub: { output: { id: "", total: 0 } },
      source: "declared",
    });
  });

  it("need not be written where a wait ends in a known way", () => {
    const missing = { step: "w", kind: "k", stub: "step:w/x", name: null };
    const stubsOf = (waits_for: string | null): readonly object[] =>
      plainStubs({ ...missing, waits_for }).map(({ stub }) => stub);
    expect(stubsOf("approval")).toEqual([{ output: "approved" }, { output: "rejected" }, { timeout: true }]);
    expect(stubsOf("signal")).toEqual([{ timeout: true }]);
    expect(stubsOf(null)).toEqual([]);
  });

  it("of an approval fill its form in", () => {
    const missing = { step: "a", kind: "builtin:approval", stub: "step:a/approval", waits_for: "approval", name: null };
    const data = { type: "object", properties: { amount: { type: "number", minimum: 5 }, why: { enum: ["Late"] } } };
    const declared = { type: "object", properties: { status: { type: "string" }, data } };
    const approved = { output: { status: "approved", data: { amount: 5, why: "Late" } } };
    expect(proposedStub(missing, undefined, declared).stub).toEqual(approved);
    expect(plainStubs(missing, declared).map(({ stub }) => stub)).toEqual([
      approved,
      { output: "rejected" },
      { timeout: true },
    ]);
    const formless = { type: "object", properties: { data: { type: ["object", "null"] } } };
    expect(plainStubs(missing, formless)[0]?.stub).toEqual({ output: "approved" });
  });

  it("stand for a step, whichever part of it they are about", () => {
    expect(["node:a", "step:a/wait", "step:a/b/c"].map(stepOf)).toEqual(["a", "a", "a"]);
  });

  it("are objects with one of the known keys", () => {
    expect(stubFrom('{"output": 1}')).toEqual({ stub: { output: 1 } });
    expect(stubFrom("{}")).toHaveProperty("error");
    expect(stubFrom("{")).toEqual({ error: "This is not JSON." });
  });
});
