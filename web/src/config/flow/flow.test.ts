import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../base/json";
import type { WorkflowDocument } from "../../document/types";
import { CONTROLS, plainSchema, sentenceOf, withoutSharing } from "./controls";
import { whyNot } from "./exclusions";
import { outcomeOf } from "./past";
import {
  CONTROL_NAMES,
  controlAt,
  idempotencyOf,
  inWords,
  keysOf,
  limitsOf,
  onlyFlow,
  secondsOf,
  withoutFlow,
} from "./values";

function offered(chosen?: string): unknown {
  const { properties } = withoutSharing(plainSchema("concurrency"), chosen);
  return ((properties as JsonObject).scope as JsonObject).enum;
}

describe("values", () => {
  test("limits are read in every form that a document may have", () => {
    expect(limitsOf(3)).toEqual([{ limit: 3 }]);
    expect(limitsOf({ limit: 3, mode: "runs" })).toEqual([{ limit: 3, mode: "runs" }]);
    expect(limitsOf([{ limit: 1 }, { limit: 2 }])).toEqual([{ limit: 1 }, { limit: 2 }]);
    expect(limitsOf(undefined)).toEqual([]);
    expect(idempotencyOf("event.data.id")).toEqual({ key: "event.data.id" });
    expect(idempotencyOf({ key: "a", period: "1h" })).toEqual({ key: "a", period: "1h" });
  });

  test("settings are told apart, and none is lost", () => {
    const settings: JsonObject = { retries: 2, throttle: { limit: 1 }, own: true };
    expect(withoutFlow(settings)).toEqual({ retries: 2, own: true });
    expect({ ...withoutFlow(settings), ...onlyFlow(settings) }).toEqual(settings);
  });

  test("a pointer leads to its control", () => {
    expect(controlAt("/settings/rate_limit/key")).toBe("rate_limit");
    expect(controlAt("/settings/retries")).toBeUndefined();
    expect(controlAt("/triggers/0/event")).toBeUndefined();
  });

  test.each([
    ["30s", 30],
    ["500ms", 0.5],
    ["1.5 h", 5400],
    [90, 90],
    ["7d", 604_800],
    ["soon", undefined],
    [0, undefined],
    [undefined, undefined],
  ])("%s is a duration of %s seconds", (value, seconds) => {
    expect(secondsOf(value)).toBe(seconds);
  });

  test.each([
    [6, "6 seconds"],
    [1, "1 second"],
    [90, "1.5 minutes"],
    [3600, "1 hour"],
    [0.5, "0.5 seconds"],
    [0.01, "less than a second"],
  ])("%s seconds are %s", (seconds, words) => {
    expect(inWords(seconds)).toBe(words);
  });

  test("what an event has in its data is offered as keys", () => {
    const data = { id: 7, customer: { name: "Ada", tags: ["a"] }, "odd name": 1, vip: true };
    expect(keysOf({ name: "a/b", data })).toEqual(["event.data.id", "event.data.customer.name"]);
    expect(keysOf(undefined)).toEqual([]);
  });
});

describe("controls", () => {
  test("there is one for every setting of flow control, in a form that means something", () => {
    expect(CONTROLS.map(({ name }) => name)).toEqual([...CONTROL_NAMES]);
    for (const { name, initial } of CONTROLS) expect(initial, name).toBeTruthy();
  });

  test("their fields are those of the contract, without the expressions", () => {
    expect(Object.keys(plainSchema("concurrency").properties as JsonObject)).toEqual(["limit", "scope", "mode"]);
    expect(Object.keys(plainSchema("throttle").properties as JsonObject)).toEqual(["limit", "period", "burst"]);
    expect(Object.keys(plainSchema("rate_limit").properties as JsonObject)).toEqual(["limit", "period", "burst"]);
    expect(Object.keys(plainSchema("debounce").properties as JsonObject)).toEqual(["period", "timeout", "older"]);
    expect(Object.keys(plainSchema("batch").properties as JsonObject)).toEqual(["max_size", "timeout"]);
    expect(Object.keys(plainSchema("priority").properties as JsonObject)).toEqual(["most"]);
    expect(Object.keys(plainSchema("idempotency").properties as JsonObject)).toEqual(["period"]);
    expect(plainSchema("batch").required).toEqual(["max_size", "timeout"]);
  });

  test("scopes that hold up other tenants are not offered, but for the one that is chosen", () => {
    expect(offered()).toEqual(["workflow", "tenant"]);
    expect(offered("installation")).toEqual(["workflow", "tenant", "installation"]);
    expect(withoutSharing(plainSchema("throttle"), undefined)).toEqual(plainSchema("throttle"));
  });

  test.each([
    ["throttle", { limit: 10, period: "1m" }, "About one start every 6 seconds. More wait in order."],
    [
      "throttle",
      { limit: 10, period: "1m", burst: 3, key: "event.data.id" },
      "About one start every 6 seconds, up to 3 at once for each event.data.id. More wait in order.",
    ],
    ["throttle", { limit: 10 }, undefined],
    [
      "rate_limit",
      { limit: 10, period: "1h" },
      "At most one start every 6 minutes. Events that come sooner are dropped.",
    ],
    [
      "debounce",
      { period: "30s", timeout: "5m" },
      "One run, 30 seconds after the last event, and 5 minutes after the first one at the latest.",
    ],
    ["batch", { max_size: 10, timeout: "1m" }, "One run for up to 10 events, 1 minute after the first at the latest."],
    ["idempotency", { key: "event.data.id" }, "One run for each event.data.id within 1 day."],
    ["concurrency", { limit: 1 }, "At most 1 step of this workflow at the same time."],
    ["concurrency", { limit: 0 }, "No limit."],
    [
      "concurrency",
      { limit: 2, mode: "runs", scope: "tenant", key: "'mail'" },
      "At most 2 runs of all workflows of the tenant that have the same key at a time, from start to end for each 'mail'.",
    ],
    ["singleton", { mode: "skip" }, undefined],
  ] as const)("%s is told in a sentence", (name, value, sentence) => {
    expect(sentenceOf(name, value)).toBe(sentence);
  });
});

const documentWith = (settings: JsonObject, trigger: JsonObject = { event: "a" }): WorkflowDocument => ({
  name: "",
  actions: [],
  edges: [],
  triggers: [trigger],
  settings,
});

describe("exclusions", () => {
  test("a control cannot be switched on beside one that excludes it, in either direction", () => {
    const batch = documentWith({ batch: { max_size: 2, timeout: "1m" } });
    expect(whyNot(batch, "debounce")).toBe("Not with batch: debounce keeps the last event only, a batch all of them.");
    expect(whyNot(documentWith({ debounce: { period: "1m" } }), "batch")).toMatch(/^Not with debounce: /);
    expect(whyNot(documentWith({ cancel_on: [{ event: "b" }] }), "batch")).toMatch(
      /^Not with events that cancel runs: /,
    );
    expect(whyNot(batch, "throttle")).toBeUndefined();
    expect(whyNot(documentWith({ cancel_on: [] }), "batch")).toBeUndefined();
  });

  test("nothing can be switched on for a workflow that answers requests", () => {
    for (const { name } of CONTROLS) expect(whyNot(documentWith({}, { http: {} }), name)).toMatch(/HTTP/);
  });
});

test("what would have become of past events is counted", () => {
  const item = { at: "2026-01-01T00:00:00Z", fate: "run", reason: null, run: "a", starts_at: null } as const;
  const items = [
    { ...item, event_id: "a", starts_at: "2026-01-01T00:01:30Z" },
    { ...item, event_id: "b" },
    { ...item, event_id: "c", run: null, fate: "skipped", reason: "singleton" },
    { ...item, event_id: "d", run: null, fate: "skipped", reason: "rate-limited" },
    { ...item, event_id: "e", run: null, fate: "skipped", reason: "rate-limited" },
    { ...item, event_id: "f", run: "f", fate: "cancelled" },
  ] as const;
  expect(outcomeOf({ runs: 2, skipped: 3, run_seconds: 2, measured_runs: 7, items })).toEqual({
    events: 6,
    runs: 2,
    shared: 1,
    cancelled: 1,
    skipped: [
      ["rate-limited", 2],
      ["singleton", 1],
    ],
    longestWait: 90,
    runSeconds: 2,
    measuredRuns: 7,
  });
});
