/** Short messages: shown at the edge of the screen for a while, and spoken by screen readers. */

import { create } from "zustand";

export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly tone: "neutral" | "error";
}

interface Notices {
  readonly shown: readonly Notice[];
  /** What was last done, for screen readers only. */
  readonly spoken: string;
}

const SHOWN_MS = 5000;
let lastId = 0;

export const useNotices = create<Notices>(() => ({ shown: [], spoken: "" }));

export function notify(text: string, tone: Notice["tone"] = "neutral"): void {
  lastId += 1;
  const id = lastId;
  useNotices.setState(({ shown }) => ({ shown: [...shown.slice(-2), { id, text, tone }] }));
  setTimeout(() => dismiss(id), SHOWN_MS);
}

export function dismiss(id: number): void {
  useNotices.setState(({ shown }) => ({ shown: shown.filter((notice) => notice.id !== id) }));
}

/** Says something to screen readers, such as what a key has just moved. */
export function announce(text: string): void {
  useNotices.setState({ spoken: text });
}
