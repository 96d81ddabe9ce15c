/** The names of the tenant's secrets, which all fields for secrets on a page offer. */

import { create } from "zustand";
import type { ApiError } from "../api/client";
import { query } from "../api/client";
import type { SecretPage } from "../api/schema";
import { api, presentOwner } from "../api/session";
import { asApiError } from "../api/useLoaded";

interface Names {
  /** `undefined` until the server has answered. */
  readonly names: readonly string[] | undefined;
  readonly error: ApiError | undefined;
}

const NOTHING: Names = { names: undefined, error: undefined };
/** What the server has said last, and whom. */
const useAnswer = create<Names & { readonly owner: string | undefined }>(() => ({ ...NOTHING, owner: undefined }));

let running: { readonly owner: string | undefined; readonly answer: Promise<void> } | undefined;

/** What is known of the names of the tenant that the page acts for at this moment. */
export function useSecretNames<T>(select: (names: Names) => T): T {
  return useAnswer((answer) => select(answer.owner === presentOwner() ? answer : NOTHING));
}

/** Asks the server; fields that are shown together ask once. */
export function loadSecretNames(): Promise<void> {
  const owner = presentOwner();
  if (running !== undefined && running.owner === owner) return running.answer;
  const take = (said: Partial<Names>): void => {
    // Somebody else may have asked meanwhile.
    if (running?.answer !== answer) return;
    const before = useAnswer.getState();
    useAnswer.setState({ ...(before.owner === owner ? before : NOTHING), error: undefined, ...said, owner });
    running = undefined;
  };
  const answer = allNames().then(
    (names) => take({ names }),
    (reason: unknown) => take({ error: asApiError(reason) }),
  );
  running = { owner, answer };
  return answer;
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
