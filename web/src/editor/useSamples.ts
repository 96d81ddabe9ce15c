/** Loads values for previews: event and outputs of the last run, or else the last event that could start one. */

import { useEffect } from "react";
import { api } from "../api/session";
import type { Event } from "../api/schema";
import type { Json, JsonObject } from "../base/json";
import { triggersOf } from "../config/triggers";
import type { Samples } from "../expressions/variables";
import { NO_SAMPLES } from "../expressions/variables";
import type { EditorStore } from "./store";

export function useSamples(store: EditorStore): void {
  useEffect(() => {
    let isWanted = true;
    loadSamples(store).then(
      (samples) => isWanted && store.setState({ samples }),
      // Previews then say that there is no data yet.
      () => undefined,
    );
    return () => {
      isWanted = false;
    };
  }, [store]);
}

async function loadSamples(store: EditorStore): Promise<Samples> {
  const { workflowId, history } = store.getState();
  const { items } = await api.runs({ workflow_id: workflowId, limit: "1" });
  const [last] = items;
  if (last !== undefined) {
    const [run, event] = await Promise.all([api.run(last.id), api.event(last.event_id)]);
    const finished = run.steps.filter((step) => step.status === "completed");
    return {
      event: eventValue(event),
      outputs: new Map(finished.map((step): [string, Json] => [step.id, step.output])),
    };
  }
  const name = triggersOf(history.present)
    .map((trigger) => trigger.event)
    .find((event) => typeof event === "string" && !event.includes("*"));
  if (typeof name !== "string" || name === "") return NO_SAMPLES;
  const [event] = (await api.events(name, 1)).items;
  return event === undefined ? NO_SAMPLES : { event: eventValue(event), outputs: new Map() };
}

/** An event as references see it. */
function eventValue(event: Event): JsonObject {
  const { name, data, ts } = event;
  return { id: event.event_id ?? event.id, name, data, ts };
}
