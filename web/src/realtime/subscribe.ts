/**
 * Following a channel: a stream that is opened again whenever it ends, behind the last event that was received, until
 * the server says that nothing will follow.
 *
 * By `fetch` rather than `EventSource`: the token travels in a header, each connection has a new one, and why one was
 * refused can be seen.
 */

import { EventReader } from "./events";
import type { StreamEvent } from "./events";

/** `error`: it is tried again later, unless a token is refused for good. `closed`: for good. */
export type StreamState = "connecting" | "active" | "closed" | "error";

export interface SubscribeOptions {
  /** Where streams are: the root of the application and `/api/realtime`. */
  readonly url: string;
  /** Asks for a token, once for each connection. One that throws something with `isTemporary: false` ends it all. */
  readonly token: () => Promise<string>;
  /** Told each event once, in order; of an event `end` nothing follows. */
  readonly onMessage: (message: StreamEvent) => void;
  readonly onState?: (state: StreamState) => void;
  /** Goes on behind this event. */
  readonly lastId?: string;
}

export interface Subscription {
  readonly close: () => void;
}

/** The first pause before a stream is opened again, and the longest. */
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;
/** Nothing for this long, not even a heartbeat: the connection is dead, though nobody has said so. */
const SILENCE_MS = 45_000;
/** How long a page may be out of sight before it is told nothing more; it catches up when it is seen again. */
const HIDDEN_MS = 20_000;

/** Follows what the token admits to, until `close` is called or nothing will follow. */
export function subscribe(options: SubscribeOptions): Subscription {
  const stream = new Stream(options);
  stream.begin();
  return { close: () => stream.close() };
}

class Stream {
  private state: StreamState | undefined;
  private lastId: string;
  private failures = 0;
  private retryMs = FIRST_RETRY_MS;
  private connection: AbortController | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private silenceTimer: ReturnType<typeof setTimeout> | undefined;
  private hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  private isPaused = false;

  constructor(private readonly options: SubscribeOptions) {
    this.lastId = options.lastId ?? "";
  }

  begin(): void {
    document.addEventListener("visibilitychange", this.onVisibility);
    window.addEventListener("online", this.onOnline);
    void this.connect();
  }

  close(): void {
    document.removeEventListener("visibilitychange", this.onVisibility);
    window.removeEventListener("online", this.onOnline);
    this.stop();
    clearTimeout(this.hiddenTimer);
    this.tell("closed");
  }

  private tell(state: StreamState): void {
    if (this.state === state || this.state === "closed") return;
    this.state = state;
    this.options.onState?.(state);
  }

  private stop(): void {
    clearTimeout(this.retryTimer);
    clearTimeout(this.silenceTimer);
    this.connection?.abort();
    this.connection = undefined;
  }

  private async connect(): Promise<void> {
    this.stop();
    const connection = new AbortController();
    this.connection = connection;
    this.tell("connecting");
    try {
      await this.read(connection);
      this.failures = 0;
    } catch (reason) {
      if (this.connection !== connection) return;
      if (isFinal(reason)) {
        this.tell("error");
        this.close();
        return;
      }
      this.failures += 1;
      this.tell("error");
    }
    if (this.connection === connection) this.retryLater();
  }

  /** Opens a stream and tells its events to its end. */
  private async read(connection: AbortController): Promise<void> {
    const token = await this.options.token();
    if (this.connection !== connection) return;
    this.expectNews(connection);
    const response = await fetch(this.options.url, {
      headers: { Authorization: `Bearer ${token}`, ...(this.lastId === "" ? {} : { "Last-Event-ID": this.lastId }) },
      signal: connection.signal,
      cache: "no-store",
    });
    if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
    this.tell("active");
    const events = new EventReader(this.lastId);
    const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await pieces.read();
      if (done || this.connection !== connection) return;
      this.expectNews(connection);
      for (const message of events.feed(value)) {
        this.lastId = message.id;
        this.options.onMessage(message);
        if (message.event === "end") this.close();
        if (this.connection !== connection) return;
      }
      this.lastId = events.lastId;
      this.retryMs = events.retryMs ?? this.retryMs;
      this.failures = 0;
    }
  }

  private expectNews(connection: AbortController): void {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(() => connection.abort(new Error("silence")), SILENCE_MS);
  }

  private retryLater(): void {
    clearTimeout(this.silenceTimer);
    const pauseMs = Math.min(this.retryMs * 2 ** this.failures, LONGEST_RETRY_MS);
    // Not all at the same moment, after a server was restarted.
    this.retryTimer = setTimeout(() => void this.connect(), pauseMs * (0.5 + Math.random() / 2));
  }

  private readonly onVisibility = (): void => {
    clearTimeout(this.hiddenTimer);
    if (document.visibilityState === "hidden") {
      this.hiddenTimer = setTimeout(() => {
        this.isPaused = true;
        this.stop();
        this.tell("connecting");
      }, HIDDEN_MS);
    } else if (this.isPaused) {
      this.isPaused = false;
      void this.connect();
    }
  };

  private readonly onOnline = (): void => {
    if (this.state === "error") void this.connect();
  };
}

function isFinal(reason: unknown): boolean {
  return typeof reason === "object" && reason !== null && "isTemporary" in reason && reason.isTemporary === false;
}
