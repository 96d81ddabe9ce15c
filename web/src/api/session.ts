/** Who is using the page: somebody who has logged in, who has given this browser tab an API key, or a host's token. */

import { create } from "zustand";
import { Api } from "./client";
import type { NewKey, SessionState } from "./schema";

export type Permission = NewKey["permissions"][number];

/** Where the application is mounted; "" at the top of its host. */
export const root = document.querySelector<HTMLMetaElement>('meta[name="workflowkit-root"]')?.content ?? "";

/** Others may be mounted on the same host, in the same tab: a key is for one of them. */
const STORAGE_KEY = `workflowkit.key${root}`;
/** What of a workflow is kept in this browser: edits that wait for the server, and what stands for steps in test runs. */
export type Kept = "edit" | "stubs";

interface Session {
  readonly key: string | undefined;
  /** What the server has said last of somebody it knew; of a stranger only while there was nobody else. */
  readonly state: SessionState | undefined;
  /** The server has answered who this is, or cannot be reached. */
  readonly isAsked: boolean;
  /** The server knows nobody here, or not any more. */
  readonly isLoginWanted: boolean;
  /** How often somebody was let in again on this page: what failed before may be asked again. */
  readonly logins: number;
}

export const useSession = create<Session>(() => ({
  key: storedKey(),
  state: undefined,
  isAsked: false,
  isLoginWanted: false,
  logins: 0,
}));

function storedKey(): string | undefined {
  try {
    return sessionStorage.getItem(STORAGE_KEY) ?? undefined;
  } catch {
    return undefined; // a host's page, or an iframe, in which the browser allows no storage
  }
}

/** The nonce that allows style elements, where the page has a policy. */
export const styleNonce = document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce ?? "";

/** How the server is reached, and what is shown to it. */
export interface Connection {
  readonly root: string;
  readonly key: () => string | undefined;
  /** Called when the server wants somebody to log in, or another key. Tells whether there is one now. */
  readonly onUnauthenticated: () => Promise<boolean>;
  /** What changes must carry, where a cookie says who is calling. */
  readonly csrf?: () => string | null | undefined;
  /** Called when it is not the right one any more: finds the one of today, and tells whether to ask again. */
  readonly onCsrfRefused?: () => Promise<boolean>;
  /** For whom it is, where a host's token says so and nobody logs in. */
  readonly owner?: () => Owner | undefined;
}

/** Whose something is that is kept in this browser. */
export type Owner = Pick<SessionState, "environment" | "tenant" | "actor">;

let connection: Connection = {
  root,
  key: () => useSession.getState().key,
  onUnauthenticated: () => {
    useSession.setState({ isLoginWanted: true });
    return Promise.resolve(false);
  },
  csrf: () => useSession.getState().state?.csrf,
  onCsrfRefused: async () => {
    await askSession();
    return presentOwner() !== undefined;
  },
};

/** Reaches another server, or the same one in another way, from now on. Returns how it was until now. */
export function connectTo(other: Connection): Connection {
  const before = connection;
  connection = other;
  return before;
}

export const api = new Api(() => connection, presentOwner);

/** For whom the page acts at this moment: server, environment, tenant and actor; nothing as long as that is not known. */
export function presentOwner(): string | undefined {
  const owner = connection.owner === undefined ? loggedIn() : connection.owner();
  if (owner === undefined) return undefined;
  const { environment, tenant, actor } = owner;
  return [connection.root, environment, tenant, actor].map((part) => encodeURIComponent(part ?? "")).join("/");
}

function loggedIn(): Owner | undefined {
  const { state } = useSession.getState();
  return state?.kind === "nobody" ? undefined : state;
}

/** Under which name something of a workflow is kept for an owner. */
export function keptName(kind: Kept, owner: string, workflowId: string): string {
  return `workflowkit.${kind}.${owner}/${workflowId}`;
}

/** Counts those who have asked who this is, or learned it; and which of them was the last that was believed. */
let asked = 0;
let believed = 0;

/** Asks the server who this is, and takes it over. Fails never: without an answer the pages tell what is wrong. */
export async function askSession(): Promise<SessionState | undefined> {
  asked += 1;
  const turn = asked;
  try {
    const state = await api.get<SessionState>("/session");
    // Whoever asked later, or has logged in since, knows better: a late answer is of who was there before.
    if (turn < believed) return useSession.getState().state;
    takeOver(state, turn);
    return state;
  } catch {
    useSession.setState({ isAsked: true });
    return undefined;
  }
}

/** Goes on as whom the server knows now. */
export function takeOver(state: SessionState, turn = (asked += 1)): void {
  believed = turn;
  const { state: before, isLoginWanted, logins } = useSession.getState();
  const wasInside = before !== undefined && before.kind !== "nobody";
  if (state.kind === "nobody") {
    useSession.setState({ isAsked: true, isLoginWanted: true, ...(wasInside ? {} : { state }) });
    return;
  }
  // Whoever comes next does not get it by these names, but could read it in the browser's storage.
  if (wasInside && before.actor !== state.actor) forgetKept();
  useSession.setState({ state, isAsked: true, isLoginWanted: false, logins: isLoginWanted ? logins + 1 : logins });
}

/** Uses a key in this tab; `undefined` goes on without one. */
export async function enterWithKey(key: string | undefined): Promise<SessionState | undefined> {
  if (key === undefined) sessionStorage.removeItem(STORAGE_KEY);
  else sessionStorage.setItem(STORAGE_KEY, key);
  useSession.setState({ key });
  return askSession();
}

/** Takes what is kept of workflows for one person, of all their tenants, out of the browser's storage. */
export function forgetKept(owner = presentOwner(), storage: Storage = localStorage): void {
  const person = owner === undefined ? undefined : personIn(owner);
  for (const name of Object.keys(storage)) {
    const [, whose] = /^workflowkit\.(?:edit|stubs)\.(.*)$/.exec(name) ?? [];
    if (whose !== undefined && person !== undefined && personIn(whose) === person) storage.removeItem(name);
  }
}

/** The server and the actor at the beginning of a name of something that is kept. */
function personIn(owner: string): string {
  const [server, , , actor] = owner.split("/");
  return `${server}/${actor}`;
}

/** Whether the page's user may do something; before the server has said so, it is not kept from anybody. */
export function may(permission: Permission): boolean {
  const { state } = useSession.getState();
  return state === undefined || state.permissions.includes(permission);
}

export function useMay(permission: Permission): boolean {
  return useSession(({ state }) => state === undefined || state.permissions.includes(permission));
}

/** Whether people log in to the application around this, so that there are no users of ours. */
export function isHosted(state: SessionState | undefined): boolean {
  return state?.methods.password === false;
}
