/** What stands for steps in test runs: kept in this browser, by workflow. Published runs never see it. */

import type { DryStep, Missing } from "../api/schema";
import type { Json, JsonObject } from "../base/json";
import { isObject } from "../base/json";
import { t } from "../locale/locale";

/** Stubs as the server takes them, by `node:<id>` or `step:<id>/<step>`. */
export type Stubs = Readonly<Record<string, JsonObject>>;

const PREFIX = "workflowkit.stubs.";

export function readStubs(workflowId: string): Stubs {
  try {
    const value = JSON.parse(localStorage.getItem(PREFIX + workflowId) ?? "{}") as Json;
    return isObject(value) ? Object.fromEntries(Object.entries(value).filter(hasObject)) : {};
  } catch {
    return {};
  }
}

export function writeStubs(workflowId: string, stubs: Stubs): void {
  if (Object.keys(stubs).length === 0) localStorage.removeItem(PREFIX + workflowId);
  else localStorage.setItem(PREFIX + workflowId, JSON.stringify(stubs));
}

/** The key under which the output of a step is pinned. */
export function pinKey(step: Pick<DryStep, "id">): string {
  return `node:${step.id}`;
}

/** A stub to begin with for something that is missing. */
export function proposedStub(missing: Missing): JsonObject {
  if (missing.waits_for === "event") return { event: { name: missing.name ?? "", data: {} } };
  return { output: {} };
}

/** A text as a stub; what is wrong with it, if it is none. */
export function stubFrom(text: string): { readonly stub: JsonObject } | { readonly error: string } {
  try {
    const value = JSON.parse(text) as Json;
    if (isObject(value) && ["output", "error", "event", "timeout"].some((key) => key in value)) return { stub: value };
    return { error: t("An object with output, error, event or timeout is needed.") };
  } catch {
    return { error: t("This is not JSON.") };
  }
}

function hasObject(entry: [string, Json]): entry is [string, JsonObject] {
  return isObject(entry[1]);
}
