/** Who is using the page: somebody who has logged in, who has given this browser tab an API key, or a host's token. */

import { create } from "zustand";
import { Api } from "./client";
import type { NewKey, SessionState } from "./schema";

export type Permission = NewKey["permissions"][number];

const STORAGE_KEY = "workflowkit.key";
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

/** Where the application is mounted; "" at the top of its host. */
export const root = document.querySelector<HTMLMetaElement>('meta[name="workflowkit-root"]')?.content ?? "";

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
    const before = presentOwner();
    await askSession();
    // As somebody else, or for another tenant, it would be another change than was meant.
    return before !== undefined && presentOwner() === before;
  },
};

/** Reaches another server, or the same one in another way, from now on. Returns how it was until now. */
export function connectTo(other: Connection): Connection {
  const before = connection;
  connection = other;
  return before;
}

export const api = new Api(() => connection);

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

/** Asks the server who this is, and takes it over. Fails never: without an answer the pages tell what is wrong. */
export async function askSession(): Promise<SessionState | undefined> {
  try {
    const state = await api.get<SessionState>("/session");
    takeOver(state);
    return state;
  } catch {
    useSession.setState({ isAsked: true });
    return undefined;
  }
}

/** Goes on as whom the server knows now. */
export function takeOver(state: SessionState): void {
  const { state: before, isLoginWanted, logins } = useSession.getState();
  const wasInside = before !== undefined && before.kind !== "nobody";
  if (state.kind === "nobody") {
    useSession.setState({ isAsked: true, isLoginWanted: true, ...(wasInside ? {} : { state }) });
    return;
  }
  // What somebody has typed is theirs: whoever comes after them in this browser does not get it.
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

/** Takes what is kept of workflows out of the browser's storage. */
export function forgetKept(storage: Storage = localStorage): void {
  for (const name of Object.keys(storage)) if (/^workflowkit\.(edit|stubs)\./.test(name)) storage.removeItem(name);
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
