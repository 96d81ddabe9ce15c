/**
 * Watching a run: looked at again whenever a stream tells that something has happened, and from time to time, for a
 * stream tells nothing of the runs that this one has begun. Without a stream it is looked at often, and less and less
 * often while nothing happens.
 */

import type { ApiError } from "../api/client";
import type { RunDetail } from "../api/schema";
import { asApiError } from "../api/useLoaded";
import { isEqual } from "../base/json";
import type { StreamState, Subscription } from "../realtime/subscribe";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;
const GROWTH = 1.4;
/** How long news are gathered that come together. */
const GATHER_MS = 20;
/** How far apart looks are kept, and how many times as long as the last look took: large runs take their time. */
const LEAST_GAP_MS = 150;
const GAP_FACTOR = 2;

export interface WatchOptions {
  readonly load: () => Promise<RunDetail>;
  /** Begins a stream that says when something has happened. */
  readonly follow: (onNews: () => void, onState: (state: StreamState) => void) => Subscription;
  readonly onRun: (run: RunDetail) => void;
  readonly onError: (error: ApiError) => void;
}

export function isTerminal(status: string): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** The next pause between two looks, where no stream says when to look. */
export function nextPause(pauseMs: number, hasChanged: boolean): number {
  return hasChanged ? FIRST_PAUSE_MS : Math.min(pauseMs * GROWTH, LONGEST_PAUSE_MS);
}

export class RunWatcher {
  private stream: Subscription | undefined;
  private isLive = false;
  private isStopped = false;
  private isLooking = false;
  private hasNews = false;
  private last: RunDetail | undefined;
  private pauseMs = FIRST_PAUSE_MS;
  private gapEndsAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: WatchOptions) {}

  start(): void {
    void this.look();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
    this.stream?.close();
  }

  private readonly onNews = (): void => {
    this.hasNews = true;
    if (!this.isLooking) this.lookIn(this.untilNextLook());
  };

  private readonly onState = (state: StreamState): void => {
    this.isLive = state === "active";
  };

  private untilNextLook(): number {
    return Math.max(GATHER_MS, this.gapEndsAt - performance.now());
  }

  private lookIn(pauseMs: number): void {
    clearTimeout(this.timer);
    if (!this.isStopped) this.timer = setTimeout(() => void this.look(), pauseMs);
  }

  private async look(): Promise<void> {
    this.isLooking = true;
    this.hasNews = false;
    const startedAt = performance.now();
    const pauseMs = await this.load();
    this.isLooking = false;
    if (this.isStopped || pauseMs === undefined) return;
    const endedAt = performance.now();
    this.gapEndsAt = endedAt + Math.max(LEAST_GAP_MS, GAP_FACTOR * (endedAt - startedAt));
    this.lookIn(this.hasNews ? this.untilNextLook() : pauseMs);
  }

  /** Looks once. Returns when to look again, whatever the stream says; `undefined` for never. */
  private async load(): Promise<number | undefined> {
    try {
      const run = await this.options.load();
      if (this.isStopped) return undefined;
      const hasChanged = !isEqual(this.last, run);
      this.last = run;
      if (hasChanged) this.options.onRun(run);
      if (isTerminal(run.status)) {
        this.stop();
        return undefined;
      }
      this.stream ??= this.options.follow(this.onNews, this.onState);
      this.pauseMs = nextPause(this.pauseMs, hasChanged);
      return this.isLive ? LONGEST_PAUSE_MS : this.pauseMs;
    } catch (reason) {
      const error = asApiError(reason);
      if (this.isStopped) return undefined;
      this.options.onError(error);
      if (error.isTemporary) return LONGEST_PAUSE_MS;
      this.stop();
      return undefined;
    }
  }
}
