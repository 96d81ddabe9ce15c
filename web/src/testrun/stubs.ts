/** What stands for steps in test runs: kept in this browser, by workflow and owner. Published runs never see it. */

import type { DryStep, Missing } from "../api/schema";
import { keptName, presentOwner } from "../api/session";
import type { Json, JsonObject } from "../base/json";
import { isObject } from "../base/json";
import type { Schema } from "../config/schema";
import { t } from "../locale/locale";
import { madeUp } from "./outputs";

/** Stubs as the server takes them, by `node:<id>` or `step:<id>/<step>`. */
export type Stubs = Readonly<Record<string, JsonObject>>;

export function readStubs(workflowId: string): Stubs {
  const owner = presentOwner();
  if (owner === undefined) return {};
  try {
    const value = JSON.parse(localStorage.getItem(keptName("stubs", owner, workflowId)) ?? "{}") as Json;
    return isObject(value) ? Object.fromEntries(Object.entries(value).filter(hasObject)) : {};
  } catch {
    return {};
  }
}

export function writeStubs(workflowId: string, stubs: Stubs): void {
  const owner = presentOwner();
  if (owner === undefined) return;
  const name = keptName("stubs", owner, workflowId);
  try {
    if (Object.keys(stubs).length === 0) localStorage.removeItem(name);
    else localStorage.setItem(name, JSON.stringify(stubs));
  } catch {
    // The browser allows no storage here, as in an iframe with a sandbox: they hold until the page is left.
  }
}

/** The key under which the output of a step is pinned. */
export function pinKey(step: Pick<DryStep, "id">): string {
  return `node:${step.id}`;
}

/** A stub to begin with, and where it comes from. */
export interface Proposal {
  readonly stub: JsonObject;
  readonly source: "last" | "declared" | undefined;
}

/**
 * A stub to begin with for something that is missing: one that the test run takes as it is. What a step returned last, or
 * else what its action declares, is nearer to what comes than nothing.
 */
export function proposedStub(missing: Missing, last: Json | undefined, declared: Schema | undefined): Proposal {
  if (missing.waits_for !== null) return { stub: awaitedStub(missing, declared), source: undefined };
  if (last !== undefined) return { stub: { output: last }, source: "last" };
  if (declared === undefined) return { stub: { output: {} }, source: undefined };
  return { stub: { output: madeUp(declared, declared) }, source: "declared" };
}

function awaitedStub({ waits_for, name }: Missing, declared: Schema | undefined): JsonObject {
  if (waits_for === "event") return { event: { name: name ?? "", data: {} } };
  if (waits_for === "approval") return { output: { status: "approved", data: enteredBy(declared) } };
  return { output: {} };
}

/** What somebody may have entered into the form of an approval. */
function enteredBy(declared: Schema | undefined): Json {
  const members = declared?.properties;
  return declared !== undefined && isObject(members) && isObject(members.data) ? madeUp(members.data, declared) : {};
}

/** A stub of which nothing has to be written. */
export interface PlainStub {
  readonly id: string;
  readonly label: string;
  readonly stub: JsonObject;
}

/** How what is waited for may end without more being said; who approves fills in a form, if there is one. */
export function plainStubs({ waits_for }: Missing, declared?: Schema): readonly PlainStub[] {
  if (waits_for === null) return [];
  const data = enteredBy(declared);
  const hasForm = isObject(data) && Object.keys(data).length > 0;
  const approved = hasForm ? { output: { status: "approved", data } } : { output: "approved" };
  const decisions =
    waits_for === "approval"
      ? [
          { id: "approved", label: t("It is approved"), stub: approved },
          { id: "rejected", label: t("It is rejected"), stub: { output: "rejected" } },
        ]
      : [];
  return [...decisions, { id: "true", label: t("The time runs out"), stub: { timeout: true } }];
}

/** The id of the step that a stub stands for, by its key. */
export function stepOf(key: string): string {
  return key.replace(/^(node|step):/, "").split("/", 1)[0] ?? key;
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
