import { useCallback } from "react";
import { api } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import type { Json, JsonObject } from "../base/json";
import { isObject } from "../base/json";
import { useEditor, useHost } from "../editor/store";
import { LIST } from "./fields/ScalarControl";

/** Which list is offered by which field of a trigger. */
const LISTS = { event: "known-events", webhook: "known-webhooks" };
/** How many names are offered of events that have come. */
const MOST = "100";

/**
 * The names that are offered for triggers: of events that the application declares and that have come, and of webhooks.
 */
export function EventNames(): React.JSX.Element {
  const { isEmbedded } = useHost();
  const { events: declared, webhooks } = useEditor((state) => state.possible);
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
    <>
      <Names id={LISTS.event} names={names} />
      <Names id={LISTS.webhook} names={webhooks} />
    </>
  );
}

function Names({ id, names }: { readonly id: string; readonly names: readonly string[] }): React.JSX.Element {
  return (
    <datalist id={id}>
      {names.map((name) => (
        <option key={name} value={name} />
      ))}
    </datalist>
  );
}

/** The schema of a trigger, whose field for the name of an event or a webhook offers these. */
export function offeringNames(schema: JsonObject): JsonObject {
  const { properties } = schema;
  if (!isObject(properties)) return schema;
  const offering = Object.entries(LISTS).flatMap(([name, id]): [string, Json][] => {
    const field = properties[name];
    return isObject(field) ? [[name, { ...field, [LIST]: id }]] : [];
  });
  return { ...schema, properties: { ...properties, ...Object.fromEntries(offering) } };
}
