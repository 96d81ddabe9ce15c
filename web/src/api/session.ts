/** Who is using the editor: the API key of this browser tab, where the server asks for one. */

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
  key: sessionStorage.getItem(STORAGE_KEY) ?? undefined,
  isKeyWanted: false,
  setKey: (key) => {
    sessionStorage.setItem(STORAGE_KEY, key);
    set({ key, isKeyWanted: false });
  },
}));

/** Where the application is mounted; "" at the top of its host. */
export const root = document.querySelector<HTMLMetaElement>('meta[name="workflowkit-root"]')?.content ?? "";

/** The nonce that allows style elements, where the page has a policy. */
export const styleNonce = document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce ?? "";

export const api = new Api({
  root,
  key: () => useSession.getState().key,
  onUnauthenticated: () => useSession.setState({ isKeyWanted: true }),
});
