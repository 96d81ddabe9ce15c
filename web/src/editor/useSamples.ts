/**
 * Loads values for previews: event and outputs of the run that the address names (`?sample=`), else of the last one, or
 * else the last event that could start one.
 */

import { useEffect } from "react";
import { api } from "../api/session";
import type { Event, RunDetail } from "../api/schema";
import type { Json, JsonObject } from "../base/json";
import { triggersOf } from "../config/triggers";
import type { Samples } from "../expressions/variables";
import { NO_SAMPLES } from "../expressions/variables";
import type { EditorHost } from "./host";
import type { EditorStore } from "./store";

export function useSamples(store: EditorStore, { isEmbedded }: EditorHost): void {
  useEffect(() => {
    let isWanted = true;
    loadSamples(store, isEmbedded).then(
      (samples) => isWanted && store.setState({ samples }),
      // Previews then say that there is no data yet.
      () => undefined,
    );
    return () => {
      isWanted = false;
    };
  }, [store, isEmbedded]);
}

/** The tokens of hosts reach the runs of a workflow, and no event that has started none. */
async function loadSamples(store: EditorStore, isEmbedded: boolean): Promise<Samples> {
  const { workflowId, history } = store.getState();
  if (workflowId === "") return NO_SAMPLES;
  const run = await sampleRun(workflowId, isEmbedded);
  if (run !== undefined) {
    const finished = run.steps.filter((step) => step.status === "completed");
    return {
      event: eventValue(run.event),
      outputs: new Map(finished.map((step): [string, Json] => [step.id, step.output])),
    };
  }
  if (isEmbedded) return NO_SAMPLES;
  const name = triggersOf(history.present)
    .map((trigger) => trigger.event)
    .find((event) => typeof event === "string" && !event.includes("*"));
  if (typeof name !== "string" || name === "") return NO_SAMPLES;
  const [event] = (await api.events(name, 1)).items;
  return event === undefined ? NO_SAMPLES : { event: eventValue(event), outputs: new Map() };
}

async function sampleRun(workflowId: string, isEmbedded: boolean): Promise<RunDetail | undefined> {
  // The address of a host's page is not ours.
  const wanted = isEmbedded ? null : new URLSearchParams(location.search).get("sample");
  const named = wanted === null ? undefined : await api.run(wanted).catch(() => undefined);
  if (named?.workflow_id === workflowId) return named;
  const [last] = (await api.runs({ workflow_id: workflowId, limit: "1" })).items;
  return last === undefined ? undefined : api.run(last.id);
}

/** An event as references see it. */
export function eventValue(event: Event): JsonObject {
  const { name, data, ts } = event;
  return { id: event.event_id ?? event.id, name, data, ts };
}
