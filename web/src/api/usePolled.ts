/** Loading a value again and again, as long as somebody can see it. */

import { useEffect } from "react";
import type { Loaded } from "./useLoaded";
import { useLoaded } from "./useLoaded";

/** Like `useLoaded`, and once more every `periodMs` while the page is visible; `isWanted` says whether it goes on. */
export function usePolled<T>(load: () => Promise<T>, periodMs: number, isWanted = true): Loaded<T> {
  const loaded = useLoaded(load);
  const { reload } = loaded;
  useEffect(() => {
    if (!isWanted) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") reload();
    }, periodMs);
    return () => clearInterval(timer);
  }, [reload, periodMs, isWanted]);
  return loaded;
}
