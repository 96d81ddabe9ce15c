import { describe, expect, it } from "vitest";
import type { Alert } from "../api/schema";
import { NEW_RULE, conditionText, formOf, ruleOf, spanText } from "./rule";

const ALERT: Alert = {
  id: "1",
  name: "Orders",
  workflow_id: "orders",
  condition: { kind: "failure_rate", rate: 0.125, min_runs: 20 },
  window_seconds: 300,
  quiet_seconds: 90,
  enabled: false,
  state: "ok",
  since: "2026-01-01T00:00:00Z",
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
};

function counted(kind: "failure_count" | "consecutive_failures"): string {
  return conditionText({ condition: { kind, failures: 3 }, window_seconds: 60 });
}

describe("the form of a rule", () => {
  it("gives back what it was made of", () => {
    const { name, workflow_id, condition, window_seconds, quiet_seconds, enabled } = ALERT;
    expect(ruleOf(formOf(ALERT))).toEqual({ name, workflow_id, condition, window_seconds, quiet_seconds, enabled });
    const count: Alert = { ...ALERT, condition: { kind: "failure_count", failures: 3 }, workflow_id: null };
    expect(ruleOf(formOf(count)).condition).toEqual({ kind: "failure_count", failures: 3 });
    expect(ruleOf(formOf(count)).workflow_id).toBeNull();
  });

  it("sends only what its condition looks at", () => {
    expect(ruleOf({ ...NEW_RULE, kind: "consecutive_failures", failures: "4" }).condition).toEqual({
      kind: "consecutive_failures",
      failures: 4,
    });
  });
});

describe("conditionText", () => {
  it("is a sentence for each kind", () => {
    expect(conditionText(ALERT)).toBe("13 % of at least 20 runs fail within 5 minutes");
    expect(counted("failure_count")).toBe("3 failed runs within 1 minute");
    expect(counted("consecutive_failures")).toBe("3 failed runs in a row within 1 minute");
  });

  it("names spans that are on no list", () => {
    expect([spanText(90), spanText(120), spanText(3600)]).toEqual(["90 seconds", "2 minutes", "1 hour"]);
  });
});
