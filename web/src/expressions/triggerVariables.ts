/** What the condition of a trigger may read: the event, as far as this trigger's are known. */

import { useEffect, useMemo, useState } from "react";
import { api } from "../api/session";
import type { Json, JsonObject } from "../base/json";
import { isObject } from "../base/json";
import { withTriggers } from "../config/triggers";
import { useDocument, useEditor, useHost } from "../editor/store";
import { eventValue } from "../editor/useSamples";
import type { EventSchemas } from "./eventData";
import type { Variables } from "./variables";
import { eventVariable } from "./variables";
import type { WorkflowDocument } from "../document/types";

/** How long after the last key of its name an event is looked for. */
const QUIET_MS = 500;

export function useTriggerVariables(trigger: JsonObject): Variables {
  const document = useDocument();
  const events = useEditor((state) => state.possible.events);
  const sample = useEditor((state) => state.samples.event);
  const last = useLastEvent(trigger, isOf(trigger, sample));
  return useMemo(
    () => variablesForTrigger(document, trigger, events, isOf(trigger, sample) ? sample : last),
    [document, trigger, events, sample, last],
  );
}

export function variablesForTrigger(
  document: WorkflowDocument,
  trigger: JsonObject,
  events: EventSchemas,
  sample: Json | undefined,
): Variables {
  const event = eventVariable(withTriggers(document, [trigger]), events, sample);
  return { roots: [event], values: sample === undefined ? {} : { event: sample } };
}

/** The last event with the name of a trigger, if that is wanted. The tokens of hosts do not reach events. */
function useLastEvent({ event: name }: JsonObject, isKnown: boolean): Json | undefined {
  const { isEmbedded } = useHost();
  const [found, setFound] = useState<{ readonly name: string; readonly event: Json }>();
  const wanted = isEmbedded || isKnown || typeof name !== "string" || name.includes("*") ? "" : name;
  useEffect(() => {
    if (wanted === "") return undefined;
    let isWanted = true;
    const look = async (): Promise<void> => {
      const [event] = (await api.events(wanted, 1)).items;
      if (isWanted && event !== undefined) setFound({ name: wanted, event: eventValue(event) });
    };
    // Without it there is nothing to choose from, and fields can be typed all the same.
    const timer = setTimeout(() => void look().catch(() => undefined), QUIET_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [wanted]);
  return found?.name === name ? found?.event : undefined;
}

/** Whether an event may have come by a trigger. */
function isOf({ event, webhook }: JsonObject, sample: Json | undefined): boolean {
  if (typeof event !== "string" || !isObject(sample)) return webhook !== undefined && sample !== undefined;
  const [beginning = "", ...further] = event.split("*");
  return further.length === 0 ? sample.name === event : String(sample.name).startsWith(beginning);
}
