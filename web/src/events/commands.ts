/** An event as commands that send it again. Pure. */

import type { Event } from "../api/schema";
import type { Json, JsonObject } from "../base/json";
import { isObject } from "../base/json";

/** Where `workflowkit dev` listens, unless it is told otherwise. */
export const LOCAL = "http://127.0.0.1:8288";
/** The member that tells an encrypted value from any other. */
const SEALED = "__workflowkit_encrypted__";

/** The event as it is sent: without its id, with which it would start nothing. */
export function eventToSend({ name, data, v }: Pick<Event, "name" | "data" | "v">): JsonObject {
  return { name, data, ...(v === null ? {} : { v }) };
}

/** One word of a POSIX shell, whatever it consists of. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

export function sendCommand({ name, data }: Pick<Event, "name" | "data">): string {
  return `workflowkit send --url ${LOCAL} --data ${quoted(JSON.stringify(data))} -- ${quoted(name)}`;
}

export function curlCommand(event: Pick<Event, "name" | "data" | "v">): string {
  const body = quoted(JSON.stringify(eventToSend(event)));
  return `curl -X POST ${LOCAL}/api/events -H 'Content-Type: application/json' --data-raw ${body}`;
}

/** Whether some of the data is encrypted for whoever looks at it: it would mean nothing to those who get it. */
export function isSealed(data: Json): boolean {
  return isObject(data) && Object.values(data).some((value) => isObject(value) && SEALED in value);
}
