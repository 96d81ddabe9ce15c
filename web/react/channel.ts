/** Following a channel from a React component. */

import { useEffect, useRef, useState } from "react";

export interface ChannelMessage {
  /** `message` for what was published, `status` for what happens to a run. */
  readonly event: string;
  readonly data: unknown;
  readonly id: string;
}

export type ChannelState = "connecting" | "active" | "closed" | "error";

export interface ChannelOptions {
  /** Where Workflow Kit is mounted: "https://flows.example.com", or "/workflows" in the same application. */
  readonly server: string;
  /** What is followed. Another name begins anew; `undefined` follows nothing. */
  readonly channel: string | undefined;
  /** Asks one's own server for a token: for each connection a new one. */
  readonly getToken: () => Promise<string>;
  /** How many messages are kept; the oldest go. 100 unless said otherwise. */
  readonly history?: number;
  /** How long messages are gathered before the component is drawn with them, in milliseconds. Not at all, if left out. */
  readonly bufferMs?: number;
}

export interface Channel {
  readonly state: ChannelState;
  /** The last messages, oldest first. */
  readonly messages: readonly ChannelMessage[];
  /** Those of them that are new since the component was drawn with others: with `bufferMs` all that were gathered. */
  readonly delta: readonly ChannelMessage[];
  /** The last message of each topic; of a run's state by the name `$status`. */
  readonly latest: Readonly<Record<string, ChannelMessage>>;
}

interface Module {
  readonly subscribe: (options: {
    readonly token: () => Promise<string>;
    readonly onMessage: (message: ChannelMessage) => void;
    readonly onState: (state: ChannelState) => void;
  }) => { readonly close: () => void };
}

const NOTHING: Channel = { state: "connecting", messages: [], delta: [], latest: {} };
const HISTORY = 100;

/** What is told in a channel, for as long as the component is there. It closes itself when a run has ended. */
export function useChannel(options: ChannelOptions): Channel {
  const { server, channel, getToken, history = HISTORY, bufferMs = 0 } = options;
  const [told, setTold] = useState({ channel, value: NOTHING });
  const token = useRef(getToken);
  useEffect(() => {
    token.current = getToken;
  });
  useEffect(() => {
    if (channel === undefined) return undefined;
    let close: (() => void) | undefined;
    let isWanted = true;
    const change = (next: (old: Channel) => Channel): void => {
      if (isWanted) setTold((old) => ({ channel, value: next(old.channel === channel ? old.value : NOTHING) }));
    };
    const gathering = gather(bufferMs, (fresh) => change((old) => withMessages(old, fresh, history)));
    const begin = ({ subscribe }: Module): void => {
      if (!isWanted) return;
      ({ close } = subscribe({
        token: () => token.current(),
        onMessage: gathering.add,
        onState: (state) => {
          if (state === "closed") gathering.flush(); // nothing will follow
          change((old) => ({ ...old, state }));
        },
      }));
    };
    // The address is the server's own; bundlers have nothing to find there.
    const script = `${server.replace(/\/$/, "")}/embed/realtime.js`;
    (import(/* @vite-ignore */ /* webpackIgnore: true */ script) as Promise<Module>).then(begin, () =>
      change((old) => ({ ...old, state: "error" })),
    );
    return () => {
      isWanted = false;
      gathering.drop();
      close?.();
    };
  }, [server, channel, history, bufferMs]);
  return told.channel === channel ? told.value : NOTHING;
}

interface Gathering {
  readonly add: (message: ChannelMessage) => void;
  /** Hands over what there is, at once. */
  readonly flush: () => void;
  readonly drop: () => void;
}

/** Hands messages over, as many as come within a time together. */
function gather(bufferMs: number, handOver: (messages: readonly ChannelMessage[]) => void): Gathering {
  let gathered: ChannelMessage[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const fresh = gathered;
    gathered = [];
    if (fresh.length > 0) handOver(fresh);
  };
  return {
    add: (message) => {
      gathered.push(message);
      if (bufferMs <= 0) flush();
      else timer ??= setTimeout(flush, bufferMs);
    },
    flush,
    drop: () => {
      clearTimeout(timer);
      gathered = [];
    },
  };
}

/** What has been told, with further messages. */
export function withMessages(old: Channel, fresh: readonly ChannelMessage[], history: number): Channel {
  const delta = fresh.filter(({ event }) => event !== "end");
  if (delta.length === 0) return old;
  return {
    state: old.state,
    messages: [...old.messages, ...delta].slice(-history),
    delta,
    latest: { ...old.latest, ...Object.fromEntries(delta.map((message) => [topicOf(message), message])) },
  };
}

function topicOf({ event, data }: ChannelMessage): string {
  return event === "status" ? "$status" : (data as { readonly topic: string }).topic;
}
