/** Which part of a draft is tried: all of it, up to a step, or one step alone. Pure. */

import type { DryRun } from "../api/schema";
import type { Json, JsonObject } from "../base/json";
import { isObject } from "../base/json";
import type { Stubs } from "./stubs";

export type Extent = "all" | "until" | "only";

export interface Part {
  readonly extent: Extent;
  /** The step, unless all is tried. */
  readonly step: string;
}

/** What a request says of a part. One step alone sees the outputs of the last test run, and of the pins before these. */
export function partOf({ extent, step }: Part, stubs: Stubs, last: DryRun | undefined): JsonObject {
  if (extent === "all" || step === "") return {};
  return extent === "until" ? { until: step } : { until: step, state: stateOf(step, stubs, last) };
}

function stateOf(step: string, stubs: Stubs, last: DryRun | undefined): JsonObject {
  const known = (last?.steps ?? []).filter((one) => one.status === "completed");
  const pinned = Object.entries(stubs).flatMap(([key, stub]): [string, Json][] =>
    key.startsWith("node:") && isObject(stub) && stub.output !== undefined ? [[key.slice(5), stub.output]] : [],
  );
  const outputs = new Map([...known.map((one): [string, Json] => [one.id, one.output]), ...pinned]);
  outputs.delete(step);
  return Object.fromEntries(outputs);
}

/** The last test run with what a run of one step has told anew, so that the next step alone sees it too. */
export function merged(last: DryRun | undefined, made: DryRun): DryRun {
  const fresh = new Set(made.steps.map(({ id }) => id));
  return { ...made, steps: [...(last?.steps ?? []).filter(({ id }) => !fresh.has(id)), ...made.steps] };
}
