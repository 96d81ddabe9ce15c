import { describe, expect, it } from "vitest";
import type { SystemState, WorkerProcess } from "../api/schema";
import { countText, healthOf } from "./health";

const STATE: SystemState = {
  at: "2026-01-01T00:01:00Z",
  queues: [{ name: "default", due_count: 0, oldest_at: null, worker_count: 1 }],
  pending_event_count: 0,
  lane_count: 0,
  queued_count: 0,
  relay: { lag_ms: 0 },
  database: { kind: "sqlite", latency_ms: 2, revision: "1", is_current: true },
  broker: { kind: "in-process", is_reachable: true, trouble: null },
};

const WORKER: WorkerProcess = {
  id: "1",
  role: "worker",
  name: "worker@shop",
  host: "h",
  pid: 1,
  version: "1",
  queues: ["default"],
  concurrency: 8,
  busy_count: 2,
  started_at: "2026-01-01T00:00:00Z",
  seen_at: "2026-01-01T00:00:59Z",
  is_silent: false,
};

function tones(state: Partial<SystemState>, workers: readonly WorkerProcess[] = [WORKER]): Record<string, string> {
  return Object.fromEntries(healthOf({ ...STATE, ...state }, workers).map(({ part, tone }) => [part, tone]));
}

describe("healthOf", () => {
  it("is good all over where everything answers and nothing waits", () => {
    expect(new Set(Object.values(tones({})))).toEqual(new Set(["good"]));
  });

  it("calls an installation without workers bad, and one that lost some to be looked at", () => {
    expect(tones({}, []).Workers).toBe("bad");
    expect(tones({}, [{ ...WORKER, role: "scheduler" }]).Workers).toBe("bad");
    expect(tones({}, [WORKER, { ...WORKER, id: "2", is_silent: true }]).Workers).toBe("warn");
  });

  it("tells a queue that nobody serves from one that is slow", () => {
    const old = { name: "default", due_count: 3, oldest_at: "2026-01-01T00:00:00Z", worker_count: 1 };
    expect(tones({ queues: [old] }).Waiting).toBe("warn");
    expect(tones({ queues: [{ ...old, worker_count: 0 }] }).Waiting).toBe("bad");
    expect(tones({ queues: [{ ...old, oldest_at: "2026-01-01T00:00:58Z" }] }).Waiting).toBe("good");
  });

  it("sees a relay that is late, old tables, and a broker that is away", () => {
    expect(tones({ relay: { lag_ms: 60_000 } }).Relay).toBe("bad");
    expect(tones({ database: { ...STATE.database, is_current: false } }).Database).toBe("bad");
    expect(tones({ database: { ...STATE.database, latency_ms: 900 } }).Database).toBe("warn");
    expect(tones({ broker: { kind: "redis", is_reachable: false, trouble: "refused" } }).Broker).toBe("bad");
  });
});

describe("countText", () => {
  it("says where counting stopped", () => {
    expect([countText(0), countText(999), countText(1000)]).toEqual(["0", "999", "1,000+"]);
  });
});
