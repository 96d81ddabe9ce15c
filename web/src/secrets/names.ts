/** The names of the tenant's secrets, which all fields for secrets on a page offer. */

import { create } from "zustand";
import type { ApiError } from "../api/client";
import { query } from "../api/client";
import type { SecretPage } from "../api/schema";
import { api } from "../api/session";
import { asApiError } from "../api/useLoaded";

interface Names {
  /** `undefined` until the server has answered. */
  readonly names: readonly string[] | undefined;
  readonly error: ApiError | undefined;
}

export const useSecretNames = create<Names>(() => ({ names: undefined, error: undefined }));

let running: Promise<void> | undefined;

/** Asks the server; fields that are shown together ask once. */
export function loadSecretNames(): Promise<void> {
  running ??= allNames()
    .then(
      (names) => useSecretNames.setState({ names, error: undefined }),
      (reason: unknown) => useSecretNames.setState({ error: asApiError(reason) }),
    )
    .finally(() => {
      running = undefined;
    });
  return running;
}

async function allNames(): Promise<readonly string[]> {
  const names: string[] = [];
  let cursor: string | undefined = "";
  while (cursor !== undefined) {
    // oxlint-disable-next-line no-await-in-loop -- each page says where the next one is
    const page: SecretPage = await api.get(`/secrets${query({ cursor })}`);
    names.push(...page.items.map(({ name }) => name));
    cursor = page.next_cursor ?? undefined;
  }
  return names;
}
