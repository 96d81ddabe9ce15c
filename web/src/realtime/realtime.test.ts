import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { StreamEvent } from "./events";
import { EventReader } from "./events";
import type { StreamState, Subscription } from "./subscribe";
import { subscribe } from "./subscribe";

function frame(id: string, data: unknown, event = "message"): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

describe("the reader of events", () => {
  it("tells the same however a stream is cut into pieces", () => {
    const whole = `retry: 500\n\n:\n\nid: 0.1\n\n${frame("0.2", { text: "a: b" })}:\n\n${frame("1.2", null, "status")}`;
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length)), (cuts) => {
        const reader = new EventReader();
        const places = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
        const told = places.slice(1).flatMap((place, index) => reader.feed(whole.slice(places[index], place)));
        expect(told).toEqual([
          { event: "message", data: { text: "a: b" }, id: "0.2" },
          { event: "status", data: null, id: "1.2" },
        ]);
        expect(reader.retryMs).toBe(500);
      }),
    );
  });

  it("knows its place before anything is told", () => {
    const reader = new EventReader("7.7");
    expect(reader.feed("retry: 1000\n\n")).toEqual([]);
    expect(reader.lastId).toBe("7.7");
    expect(reader.feed("id: 8.0\n\n")).toEqual([]);
    expect(reader.lastId).toBe("8.0");
  });
});

/** The whole numbers behind one, up to another. */
function numbers(behind: number, last: number): readonly number[] {
  return Array.from({ length: last - behind }, (_, index) => behind + index + 1);
}

/** One answer of the server, which goes on until it is ended. */
class Answer {
  readonly response: Response;
  private controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(
    readonly headers: Record<string, string>,
    signal: AbortSignal,
  ) {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.controller = controller;
      },
    });
    signal.addEventListener("abort", () => this.fail());
    this.response = new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  }

  async send(text: string): Promise<void> {
    this.controller?.enqueue(new TextEncoder().encode(text));
    await vi.advanceTimersByTimeAsync(0);
  }

  async end(): Promise<void> {
    this.controller?.close();
    await vi.advanceTimersByTimeAsync(0);
  }

  fail(): void {
    try {
      this.controller?.error(new Error("gone"));
    } catch {
      // It has ended already.
    }
  }
}

describe("a subscription", () => {
  let answers: Answer[];
  let told: StreamEvent[];
  let states: StreamState[];
  let tokens: number;
  let isDown: boolean;
  let subscription: Subscription | undefined;

  beforeEach(() => {
    vi.useFakeTimers();
    [answers, told, states, tokens, isDown] = [[], [], [], 0, false];
    vi.stubGlobal("fetch", (_url: string, init: RequestInit) => {
      if (isDown) return Promise.reject(new TypeError("failed to fetch"));
      const answer = new Answer(init.headers as Record<string, string>, init.signal as AbortSignal);
      answers.push(answer);
      return Promise.resolve(answer.response);
    });
  });

  afterEach(() => {
    subscription?.close();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  async function begin(token?: () => Promise<string>): Promise<Answer> {
    subscription = subscribe({
      url: "/api/realtime",
      token: token ?? (() => Promise.resolve(`token-${(tokens += 1)}`)),
      onMessage: (message) => told.push(message),
      onState: (state) => states.push(state),
    });
    await vi.advanceTimersByTimeAsync(0);
    return answers[0] as Answer;
  }

  it("comes back with a new token behind the last event", async () => {
    const first = await begin();
    expect(first.headers).toEqual({ Authorization: "Bearer token-1" });
    await first.send(frame("0.5", 1));
    await first.end();
    await vi.advanceTimersByTimeAsync(1000);
    expect(answers[1]?.headers).toEqual({ Authorization: "Bearer token-2", "Last-Event-ID": "0.5" });
    await answers[1]?.send(frame("0.6", 2));
    expect(told.map(({ data }) => data)).toEqual([1, 2]);
    expect(states).toEqual(["connecting", "active", "connecting", "active"]);
  });

  it("loses nothing and tells nothing twice, however often the network goes for half a minute", async () => {
    const cut = fc.record({
      before: fc.nat({ max: 4 }), // messages that arrive while there is a connection
      part: fc.nat({ max: 60 }), // characters of the next one that arrive before it is cut
      during: fc.nat({ max: 4 }), // messages that are published while there is none
    });
    await fc.assert(
      fc.asyncProperty(fc.array(cut, { minLength: 1, maxLength: 4 }), async (cuts) => {
        [answers, told, states, isDown] = [[], [], [], false];
        let published = 0;
        const publish = (): string => frame(`0.${(published += 1)}`, published);
        /** What the server sends to whoever comes: all that is behind their place. */
        const behind = ({ headers }: Answer): string => {
          const place = Number((headers["Last-Event-ID"] ?? "0.0").slice(2));
          return numbers(place, published)
            .map((number) => frame(`0.${number}`, number))
            .join("");
        };
        await begin();
        for (const { before, part, during } of cuts) {
          const answer = answers.at(-1) as Answer;
          await answer.send(behind(answer));
          for (let count = 0; count < before; count += 1) await answer.send(publish());
          await answer.send(publish().slice(0, part));
          isDown = true;
          answer.fail();
          for (let count = 0; count < during; count += 1) publish();
          await vi.advanceTimersByTimeAsync(30_000);
          isDown = false;
          window.dispatchEvent(new Event("online"));
          await vi.advanceTimersByTimeAsync(0);
        }
        const last = answers.at(-1) as Answer;
        await last.send(`${behind(last)}event: end\ndata: {"reason":"run-ended"}\n\n`);
        const received = told.filter(({ event }) => event === "message").map(({ data }) => data);
        expect(received).toEqual(numbers(0, published));
        expect(states.at(-1)).toBe("closed");
      }),
      { numRuns: 60 },
    );
  });

  it("closes itself when nothing will follow", async () => {
    const first = await begin();
    await first.send(frame("3.0", {}, "status") + 'event: end\ndata: {"reason":"run-ended"}\n\n');
    await vi.advanceTimersByTimeAsync(120_000);
    expect(told.map(({ event }) => event)).toEqual(["status", "end"]);
    expect(states.at(-1)).toBe("closed");
    expect(answers).toHaveLength(1);
  });

  it("tries again, less and less often, while the server is away", async () => {
    const first = await begin();
    await first.send(frame("0.5", 1));
    isDown = true;
    first.fail();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(tokens).toBeGreaterThan(3);
    expect(tokens).toBeLessThan(12);
    expect(states.at(-1)).toBe("error");
    isDown = false;
    window.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(0);
    expect(answers.at(-1)?.headers["Last-Event-ID"]).toBe("0.5");
    expect(states.at(-1)).toBe("active");
  });

  it("gives up a connection on which not even a heartbeat comes", async () => {
    const first = await begin();
    await first.send(":\n\n");
    await vi.advanceTimersByTimeAsync(44_000);
    expect(answers).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(5000);
    expect(answers).toHaveLength(2);
  });

  it("ends where no token is to be had", async () => {
    await begin(() => {
      tokens += 1;
      return Promise.reject(Object.assign(new Error("forbidden"), { isTemporary: false }));
    });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(tokens).toBe(1);
    expect(states).toEqual(["connecting", "error", "closed"]);
  });

  it("rests while nobody sees the page, and catches up", async () => {
    const first = await begin();
    await first.send(frame("0.5", 1));
    const visibility = vi.spyOn(document, "visibilityState", "get");
    visibility.mockReturnValue("hidden");
    document.dispatchEvent(new Event("visibilitychange"));
    await vi.advanceTimersByTimeAsync(300_000);
    expect(answers).toHaveLength(1);
    visibility.mockReturnValue("visible");
    document.dispatchEvent(new Event("visibilitychange"));
    await vi.advanceTimersByTimeAsync(0);
    expect(answers[1]?.headers["Last-Event-ID"]).toBe("0.5");
    visibility.mockRestore();
  });
});
