/** Loading a value for a component: what it is now, and how to ask again. */

import { useCallback, useEffect, useState } from "react";
import { ApiError } from "./client";
import { useSession } from "./session";

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: ApiError | undefined;
  readonly reload: () => void;
}

/** Calls `load` at once and whenever it is another function: wrap it in `useCallback`. */
export function useLoaded<T>(load: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ value?: T; error?: ApiError }>({});
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let isWanted = true;
    load().then(
      (value) => isWanted && setState({ value }),
      (reason: unknown) => isWanted && setState((old) => ({ ...old, error: asApiError(reason) })),
    );
    return () => {
      isWanted = false;
    };
  }, [load, attempt]);
  // What was refused to a stranger is asked again once somebody is let in; what is there stays.
  const logins = useSession((session) => session.logins);
  const isRefused = state.error?.status === 401;
  useEffect(() => {
    if (isRefused) setAttempt((number) => number + 1);
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- with each login, not with each refusal
  }, [logins]);
  const reload = useCallback(() => setAttempt((number) => number + 1), []);
  return { value: state.value, error: state.error, reload };
}

export function asApiError(reason: unknown): ApiError {
  if (reason instanceof ApiError) return reason;
  return new ApiError(0, "unexpected", reason instanceof Error ? reason.message : String(reason));
}
