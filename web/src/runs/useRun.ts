/** A run as it goes on: asked for again and again until it has ended, less and less often while nothing happens. */

import { useEffect, useState } from "react";
import type { ApiError } from "../api/client";
import type { RunDetail } from "../api/schema";
import { api } from "../api/session";
import { asApiError } from "../api/useLoaded";
import { isEqual } from "../base/json";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;
const GROWTH = 1.4;

export interface WatchedRun {
  readonly run: RunDetail | undefined;
  readonly error: ApiError | undefined;
  /** Asks at once. */
  readonly refresh: () => void;
}

export function isTerminal(status: string): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** The next pause between two looks. */
export function nextPause(pauseMs: number, hasChanged: boolean): number {
  return hasChanged ? FIRST_PAUSE_MS : Math.min(pauseMs * GROWTH, LONGEST_PAUSE_MS);
}

export function useRun(id: string): WatchedRun {
  const [state, setState] = useState<{ run?: RunDetail; error?: ApiError }>({});
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let isWanted = true;
    let timer = 0;
    let pause = FIRST_PAUSE_MS;
    let last: RunDetail | undefined;
    const look = async (): Promise<void> => {
      try {
        const run = await api.run(id);
        if (!isWanted) return;
        const hasChanged = !isEqual(last, run);
        pause = nextPause(pause, hasChanged);
        if (hasChanged) setState({ run });
        last = run;
        if (isTerminal(run.status)) return;
      } catch (reason) {
        const error = asApiError(reason);
        if (!isWanted) return;
        setState((old) => ({ ...old, error }));
        if (!error.isTemporary) return;
        pause = LONGEST_PAUSE_MS;
      }
      timer = window.setTimeout(() => void look(), pause);
    };
    void look();
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [id, attempt]);
  return { run: state.run, error: state.error, refresh: () => setAttempt((number) => number + 1) };
}

/** The present time, told once a second while something goes on. */
export function useNow(isTicking: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isTicking) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [isTicking]);
  return now;
}
