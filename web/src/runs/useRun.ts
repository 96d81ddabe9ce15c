/** A run as it goes on. */

import { useEffect, useState } from "react";
import type { ApiError } from "../api/client";
import type { RunDetail } from "../api/schema";
import { api } from "../api/session";
import { subscribe } from "../realtime/subscribe";
import { RunWatcher } from "./watch";

export interface WatchedRun {
  readonly run: RunDetail | undefined;
  readonly error: ApiError | undefined;
  /** Asks at once. */
  readonly refresh: () => void;
}

export function useRun(id: string): WatchedRun {
  const [state, setState] = useState<{ run?: RunDetail; error?: ApiError }>({});
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const watcher = new RunWatcher({
      load: () => api.run(id),
      follow: (onNews, onState) =>
        subscribe({ url: api.realtimeUrl, token: () => api.runToken(id), onMessage: onNews, onState }),
      onRun: (run) => setState({ run }),
      onError: (error) => setState((old) => ({ ...old, error })),
    });
    watcher.start();
    return () => watcher.stop();
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
