/**
 * Loads values for previews: event and outputs of the run that the address names (`?sample=`), else of the last one, or
 * else the last event with the name of the trigger.
 */

import { useEffect } from "react";
import { api } from "../api/session";
import type { Event, RunDetail } from "../api/schema";
import type { Json, JsonObject } from "../base/json";
import { firstEventName } from "../config/triggers";
import { NO_SAMPLES } from "../expressions/variables";
import type { EditorHost } from "./host";
import type { EditorStore } from "./store";

/** How long after the last key of its name an event is looked for. */
const QUIET_MS = 500;

/** Where something cannot be loaded, previews say that there is no data yet. */
export function useSamples(store: EditorStore, { isEmbedded }: EditorHost): void {
  useEffect(() => {
    const closed = new AbortController();
    loadSamples(store, isEmbedded, closed.signal).catch(() => undefined);
    return () => closed.abort();
  }, [store, isEmbedded]);
}

/** The tokens of hosts reach the runs of a workflow, and no event that has started none. */
async function loadSamples(store: EditorStore, isEmbedded: boolean, closed: AbortSignal): Promise<void> {
  const { workflowId } = store.getState();
  if (workflowId === "") return;
  const run = await sampleRun(workflowId, isEmbedded);
  if (closed.aborted) return;
  if (run === undefined) {
    if (!isEmbedded) followEvent(store, closed);
    return;
  }
  const finished = run.steps.filter((step) => step.status === "completed");
  const outputs = new Map(finished.map((step): [string, Json] => [step.id, step.output]));
  store.setState({ samples: { event: eventValue(run.event), outputs } });
}

/** Shows the last event with the name of the trigger, also if that is only written now, as in a new workflow. */
export function followEvent(store: EditorStore, closed: AbortSignal): void {
  let name = "";
  let mine = store.getState().samples;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = async (wanted: string): Promise<void> => {
    const [event] = wanted === "" ? [] : (await api.events(wanted, 1)).items;
    // What a test run has shown meanwhile is nearer to what comes.
    if (closed.aborted || wanted !== name || store.getState().samples !== mine) return;
    mine = event === undefined ? NO_SAMPLES : { event: eventValue(event), outputs: new Map() };
    store.setState({ samples: mine });
  };
  const follow = (pause: number): void => {
    const wanted = firstEventName(store.getState().history.present);
    if (wanted === name) return;
    name = wanted;
    clearTimeout(timer);
    timer = setTimeout(() => void look(wanted).catch(() => undefined), pause);
  };
  follow(0);
  const unfollow = store.subscribe((state, before) => {
    if (state.history.present !== before.history.present) follow(QUIET_MS);
  });
  closed.addEventListener("abort", () => {
    unfollow();
    clearTimeout(timer);
  });
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
