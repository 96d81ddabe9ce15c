/**
 * Addresses: what is shown is in the URL, so that it can be sent to somebody and survives a reload.
 *
 *   /workflows                      the list
 *   /workflows/<id>?node=&panel=    the editor, with what is selected
 *   /runs?status=&where=&columns=   the list of runs, filtered (runs/filter.ts), with columns of values
 *   /runs/<id>?step=                one run, with the step that is open
 *   /events?name=&span=             events, and how many came by name
 *   /events/<id>                    what became of one
 *   /approvals?status=              what people are asked to decide
 *   /functions?app=                 applications with functions in code, and how they were synced
 *   /alerts                         rules that tell of failures, and when they did
 *   /webhooks                       URLs at which other services deliver
 *   /webhooks/<name>                what became of what was delivered to one, and what it becomes
 *   /webhooks/intent?name=&redirect_uri=   a service asks for one
 *   /users                          those who may log in
 *   /workers                        processes, and what waits for them
 *
 * The server knows the first parts, too: workflowkit/api/routes/pages.py.
 */

import { useSyncExternalStore } from "react";
import { root } from "../api/session";

export interface Address {
  /** The parts of the path below the mount point: ["workflows", "orders"]. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

const CHANGED = "workflowkit:navigated";
let present = read();

function read(): Address {
  const path = location.pathname.slice(root.length);
  const parts = path
    .split("/")
    .filter((part) => part !== "")
    .map(decode);
  return { parts, query: new URLSearchParams(location.search) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function subscribe(listener: () => void): () => void {
  const update = (): void => {
    present = read();
    listener();
  };
  addEventListener("popstate", update);
  addEventListener(CHANGED, update);
  return () => {
    removeEventListener("popstate", update);
    removeEventListener(CHANGED, update);
  };
}

export function useAddress(): Address {
  return useSyncExternalStore(subscribe, () => present);
}

/** The path of an address below the mount point: `pathTo("workflows", id)`. */
export function pathTo(...parts: readonly string[]): string {
  return `${root}/${parts.map(encodeURIComponent).join("/")}`;
}

export function navigate(path: string): void {
  history.pushState(null, "", path);
  dispatchEvent(new Event(CHANGED));
}

/** Changes the query of the present address without a step in the browser's history; `undefined` takes a name away. */
export function setQuery(values: Readonly<Record<string, string | undefined>>): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  history.replaceState(null, "", location.pathname + (text === "" ? "" : `?${text}`));
  dispatchEvent(new Event(CHANGED));
}

/** The editor of a workflow; functions of applications have none, but a list. */
export function pathToSource(workflowId: string): string {
  const [app = "", name] = workflowId.split("/");
  return name === undefined
    ? pathTo("workflows", workflowId)
    : `${pathTo("functions")}?${new URLSearchParams({ app }).toString()}`;
}
