/** Loading a value for a component: what it is now, and how to ask again. */

import { useCallback, useEffect, useState } from "react";
import { ApiError } from "./client";

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
  const reload = useCallback(() => setAttempt((number) => number + 1), []);
  return { value: state.value, error: state.error, reload };
}

export function asApiError(reason: unknown): ApiError {
  if (reason instanceof ApiError) return reason;
  return new ApiError(0, "unexpected", reason instanceof Error ? reason.message : String(reason));
}
