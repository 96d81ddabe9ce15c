/** What the state of an installation means: good, to be looked at, or bad, with the reason in words. Pure. */

import type { SystemState, WorkerProcess } from "../api/schema";
import { duration } from "../shell/times";

export interface Health {
  readonly part: "Workers" | "Relay" | "Database" | "Broker" | "Waiting";
  readonly tone: "good" | "warn" | "bad";
  /** The one thing to read. */
  readonly value: string;
  readonly detail: string;
}

/** Hints that are later than this are not on their way any more. */
const LATE_MS = 10_000;
/** What waits longer than this for a worker waits because there are too few. */
const OLD_MS = 30_000;
const SLOW_MS = 250;
/** Where the server stops counting. */
const COUNTED = 1000;

export function healthOf(state: SystemState, workers: readonly WorkerProcess[]): readonly Health[] {
  return [workersOf(workers), waitingOf(state), relayOf(state), databaseOf(state), brokerOf(state)];
}

/** A count that may have been stopped: "1000+". */
export function countText(count: number): string {
  return count >= COUNTED ? `${COUNTED}+` : String(count);
}

function workersOf(processes: readonly WorkerProcess[]): Health {
  const all = processes.filter(({ role }) => role === "worker");
  const alive = all.filter(({ is_silent }) => !is_silent);
  const [busy, places] = [sum(alive.map((one) => one.busy_count)), sum(alive.map((one) => one.concurrency))];
  const silent = all.length - alive.length;
  const part = "Workers";
  if (alive.length === 0) return { part, tone: "bad", value: "None", detail: "No process executes steps." };
  const detail = `${busy} of ${places} places taken`;
  if (silent > 0) return { part, tone: "warn", value: String(alive.length), detail: `${detail}, ${silent} silent` };
  return { part, tone: "good", value: String(alive.length), detail };
}

function waitingOf(state: SystemState): Health {
  const due = sum(state.queues.map((queue) => queue.due_count));
  const oldest = state.queues.flatMap((queue) => (queue.oldest_at === null ? [] : [Date.parse(queue.oldest_at)]));
  const ageMs = oldest.length === 0 ? 0 : Date.parse(state.at) - Math.min(...oldest);
  const unserved = state.queues.filter((queue) => queue.worker_count === 0 && queue.due_count > 0);
  const part = "Waiting";
  const value = `${countText(due)} steps`;
  if (unserved.length > 0)
    return { part, tone: "bad", value, detail: `Nobody serves ${unserved.map(({ name }) => name).join(", ")}.` };
  if (ageMs > OLD_MS) return { part, tone: "warn", value, detail: `The first for ${duration(ageMs)}` };
  return { part, tone: "good", value, detail: `${countText(state.pending_event_count)} events not matched yet` };
}

function relayOf({ relay }: SystemState): Health {
  const value = relay.lag_ms === 0 ? "On time" : `${duration(relay.lag_ms)} late`;
  if (relay.lag_ms > LATE_MS)
    return { part: "Relay", tone: "bad", value, detail: "No process repeats hints, or all are behind." };
  return { part: "Relay", tone: "good", value, detail: "Finds what was not hinted" };
}

function databaseOf({ database }: SystemState): Health {
  const value = database.kind === "postgresql" ? "PostgreSQL" : "SQLite";
  const detail = `Answers in ${duration(database.latency_ms)}`;
  if (!database.is_current)
    return { part: "Database", tone: "bad", value, detail: "It lacks migrations: run workflowkit migrate." };
  return { part: "Database", tone: database.latency_ms > SLOW_MS ? "warn" : "good", value, detail };
}

function brokerOf({ broker }: SystemState): Health {
  const value = broker.kind === "redis" ? "Redis" : "In the process";
  if (!broker.is_reachable) return { part: "Broker", tone: "bad", value, detail: broker.trouble ?? "Not reachable" };
  return { part: "Broker", tone: "good", value, detail: "Wakes workers at once" };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
