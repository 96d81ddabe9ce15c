import { useCallback } from "react";
import { api } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import type { Json, JsonObject } from "../base/json";
import { isObject } from "../base/json";
import { useEditor, useHost } from "../editor/store";
import { LIST } from "./fields/ScalarControl";

const ID = "known-events";
/** How many names are offered of events that have come. */
const MOST = "100";

/** The names of events that are offered for triggers: those that the application declares, and those that have come. */
export function EventNames(): React.JSX.Element {
  const { isEmbedded } = useHost();
  const declared = useEditor((state) => state.possible.events);
  // The tokens of hosts do not reach events. Where nobody tells of them, there are only those that are declared.
  const load = useCallback(
    () =>
      isEmbedded
        ? Promise.resolve([])
        : api.eventTypes({ limit: MOST }).then(({ items }) => items.map(({ name }) => name)),
    [isEmbedded],
  );
  const { value: seen = [] } = useLoaded(load);
  const names = [...new Set([...declared.keys(), ...seen])].toSorted();
  return (
    <datalist id={ID}>
      {names.map((name) => (
        <option key={name} value={name} />
      ))}
    </datalist>
  );
}

/** The schema of a trigger, whose field for the name of an event offers these. */
export function offeringNames(schema: JsonObject): JsonObject {
  const { properties } = schema;
  const event: Json | undefined = isObject(properties) ? properties.event : undefined;
  if (!isObject(properties) || !isObject(event)) return schema;
  return { ...schema, properties: { ...properties, event: { ...event, [LIST]: ID } } };
}
