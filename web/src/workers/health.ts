/** What the state of an installation means: good, to be looked at, or bad, with the reason in words. Pure. */

import type { SystemState, WorkerProcess } from "../api/schema";
import { counted, listed, numeral, t } from "../locale/locale";
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
  return count >= COUNTED ? `${numeral(COUNTED)}+` : numeral(count);
}

function workersOf(processes: readonly WorkerProcess[]): Health {
  const all = processes.filter(({ role }) => role === "worker");
  const alive = all.filter(({ is_silent }) => !is_silent);
  const [busy, places] = [sum(alive.map((one) => one.busy_count)), sum(alive.map((one) => one.concurrency))];
  const silent = all.length - alive.length;
  const part = "Workers";
  if (alive.length === 0) return { part, tone: "bad", value: t("None"), detail: t("No process executes steps.") };
  const value = numeral(alive.length);
  const detail = t("{number} of {all} places taken", { number: busy, all: places });
  if (silent > 0)
    return { part, tone: "warn", value, detail: listed([detail, t("{number} silent", { number: silent })]) };
  return { part, tone: "good", value, detail };
}

function waitingOf(state: SystemState): Health {
  const due = sum(state.queues.map((queue) => queue.due_count));
  const oldest = state.queues.flatMap((queue) => (queue.oldest_at === null ? [] : [Date.parse(queue.oldest_at)]));
  const ageMs = oldest.length === 0 ? 0 : Date.parse(state.at) - Math.min(...oldest);
  const unserved = state.queues.filter((queue) => queue.worker_count === 0 && queue.due_count > 0);
  const part = "Waiting";
  const pending = state.pending_event_count;
  const value = counted("{count} steps", due, { number: countText(due) });
  if (unserved.length > 0)
    return {
      part,
      tone: "bad",
      value,
      detail: t("Nobody serves {names}.", { names: listed(unserved.map(({ name }) => name)) }),
    };
  if (ageMs > OLD_MS)
    return { part, tone: "warn", value, detail: t("The first for {time}", { time: duration(ageMs) }) };
  return {
    part,
    tone: "good",
    value,
    detail: counted("{count} events not matched yet", pending, { number: countText(pending) }),
  };
}

function relayOf({ relay }: SystemState): Health {
  const value = relay.lag_ms === 0 ? t("On time") : t("{time} late", { time: duration(relay.lag_ms) });
  if (relay.lag_ms > LATE_MS)
    return { part: "Relay", tone: "bad", value, detail: t("No process repeats hints, or all are behind.") };
  return { part: "Relay", tone: "good", value, detail: t("Finds what was not hinted") };
}

function databaseOf({ database }: SystemState): Health {
  const value = database.kind === "postgresql" ? "PostgreSQL" : "SQLite";
  const detail = t("Answers in {time}", { time: duration(database.latency_ms) });
  if (!database.is_current)
    return {
      part: "Database",
      tone: "bad",
      value,
      detail: t("It lacks migrations: run {command}.", { command: "workflowkit migrate" }),
    };
  return { part: "Database", tone: database.latency_ms > SLOW_MS ? "warn" : "good", value, detail };
}

function brokerOf({ broker }: SystemState): Health {
  const value = broker.kind === "redis" ? "Redis" : t("In the process");
  if (!broker.is_reachable) return { part: "Broker", tone: "bad", value, detail: broker.trouble ?? t("Not reachable") };
  return { part: "Broker", tone: "good", value, detail: t("Wakes workers at once") };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
