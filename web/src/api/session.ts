/** Who is using the editor: the API key of this browser tab, where the server asks for one, or a host's token. */

import { create } from "zustand";
import { Api } from "./client";

const STORAGE_KEY = "workflowkit.key";

interface Session {
  readonly key: string | undefined;
  /** The server has refused a request without a key, or with this one. */
  readonly isKeyWanted: boolean;
  readonly setKey: (key: string) => void;
}

export const useSession = create<Session>((set) => ({
  key: storedKey(),
  isKeyWanted: false,
  setKey: (key) => {
    sessionStorage.setItem(STORAGE_KEY, key);
    set({ key, isKeyWanted: false });
  },
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
  /** Called when the server wants a key, or another one. Tells whether there is one now. */
  readonly onUnauthenticated: () => Promise<boolean>;
}

let connection: Connection = {
  root,
  key: () => useSession.getState().key,
  onUnauthenticated: () => {
    useSession.setState({ isKeyWanted: true });
    return Promise.resolve(false);
  },
};

/** Reaches another server, or the same one in another way, from now on. */
export function connectTo(other: Connection): void {
  connection = other;
}

export const api = new Api(() => connection);
