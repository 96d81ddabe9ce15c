import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Channel, ChannelMessage, ChannelOptions } from "../../react/channel";
import { useChannel, withMessages } from "../../react/channel";

const EMPTY: Channel = { state: "active", messages: [], delta: [], latest: {} };

function message(topic: string, data: unknown): ChannelMessage {
  return { event: "message", data: { channel: "room", topic, data }, id: `0.${String(data)}` };
}

const ids = (messages: readonly ChannelMessage[]): readonly string[] => messages.map(({ id }) => id);

describe("what a component knows of a channel", () => {
  it("keeps the last messages, the new ones, and the latest of each topic", () => {
    const told = [[message("a", 1)], [message("b", 2), message("a", 3)]].reduce(
      (old, fresh) => withMessages(old, fresh, 2),
      EMPTY,
    );
    expect([ids(told.messages), ids(told.delta)]).toEqual([
      ["0.2", "0.3"],
      ["0.2", "0.3"],
    ]);
    expect(told.latest["a"]?.id).toBe("0.3");
    expect(told.latest["b"]?.id).toBe("0.2");
  });

  it("has the state of a run as a topic, and makes no message of the end", () => {
    const status = { event: "status", data: { status: "completed" }, id: "7.0" };
    const end = { event: "end", data: {}, id: "7.0" };
    const told = withMessages(withMessages(EMPTY, [status], 10), [end], 10);
    expect(told.latest["$status"]).toBe(status);
    expect([told.messages, told.delta]).toEqual([[status], [status]]);
  });
});

/** Stands for the server's module: the test says what it tells. */
interface Told {
  readonly onMessage: (message: ChannelMessage) => void;
  readonly onState: (state: Channel["state"]) => void;
  isClosed: boolean;
}
const SCRIPT = `data:text/javascript,
export function subscribe(options) {
  const told = { ...options, isClosed: false };
  globalThis.subscriptions.push(told);
  return { close: () => { told.isClosed = true; } };
}//`;

describe("the hook", () => {
  const root = createRoot(document.createElement("div"));
  let subscriptions: Told[];
  let drawn: Channel[];

  beforeEach(() => {
    [subscriptions, drawn] = [[], []];
    vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
    vi.stubGlobal("subscriptions", subscriptions);
  });
  afterEach(async () => {
    vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
    await act(async () => root.render(null));
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  function Shown(options: ChannelOptions): null {
    drawn.push(useChannel(options));
    return null;
  }

  async function draw(options: Partial<ChannelOptions>, wanted = 1): Promise<Told> {
    const all = { server: SCRIPT, channel: "room", getToken: () => Promise.resolve("t"), ...options };
    await act(async () => root.render(createElement(Shown, all)));
    await vi.waitFor(() => expect(subscriptions).toHaveLength(wanted));
    return subscriptions.at(-1) as Told;
  }

  it("tells the state and messages, and begins anew with another channel", async () => {
    const first = await draw({});
    await act(async () => {
      first.onState("active");
      first.onMessage(message("a", 1));
    });
    expect([drawn.at(-1)?.state, ids(drawn.at(-1)?.messages ?? [])]).toEqual(["active", ["0.1"]]);
    const second = await draw({ channel: "other" }, 2);
    expect([first.isClosed, drawn.at(-1)?.messages]).toEqual([true, []]);
    await act(async () => {
      second.onMessage(message("a", 3));
      second.onState("closed");
      first.onMessage(message("a", 2)); // too late: nobody follows it any more
    });
    expect([drawn.at(-1)?.state, ids(drawn.at(-1)?.messages ?? [])]).toEqual(["closed", ["0.3"]]);
  });

  it("gathers messages for a while, and loses none of them at the end", async () => {
    const told = await draw({ bufferMs: 200 });
    vi.useFakeTimers();
    const before = drawn.length;
    await act(async () => [1, 2, 3].forEach((each) => told.onMessage(message("a", each))));
    expect(drawn).toHaveLength(before);
    await act(async () => vi.advanceTimersByTimeAsync(200));
    expect(drawn).toHaveLength(before + 1);
    expect(ids(drawn.at(-1)?.delta ?? [])).toEqual(["0.1", "0.2", "0.3"]);
    await act(async () => {
      told.onMessage(message("a", 4));
      told.onState("closed");
    });
    expect([ids(drawn.at(-1)?.delta ?? []), drawn.at(-1)?.state]).toEqual([["0.4"], "closed"]);
  });

  it("follows nothing where there is no channel, and says so if the server has no such module", async () => {
    await act(async () => root.render(createElement(Shown, { server: SCRIPT, channel: undefined, getToken: vi.fn() })));
    expect([subscriptions.length, drawn.at(-1)?.state]).toEqual([0, "connecting"]);
    vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", false); // that a module is not there turns out when it likes
    root.render(createElement(Shown, { server: "/nowhere", channel: "room", getToken: vi.fn() }));
    await vi.waitFor(() => expect(drawn.at(-1)?.state).toBe("error"));
  });
});
