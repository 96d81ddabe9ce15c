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
}

export interface Channel {
  readonly state: ChannelState;
  /** The last messages, oldest first. */
  readonly messages: readonly ChannelMessage[];
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

const NOTHING: Channel = { state: "connecting", messages: [], latest: {} };
const HISTORY = 100;

/** What is told in a channel, for as long as the component is there. It closes itself when a run has ended. */
export function useChannel({ server, channel, getToken, history = HISTORY }: ChannelOptions): Channel {
  const [told, setTold] = useState({ channel, value: NOTHING });
  const token = useRef(getToken);
  useEffect(() => {
    token.current = getToken;
  });
  useEffect(() => {
    if (channel === undefined) return undefined;
    let close: (() => void) | undefined;
    let isWanted = true;
    const change = (next: (old: Channel) => Channel): void =>
      setTold((old) => ({ channel, value: next(old.channel === channel ? old.value : NOTHING) }));
    const begin = ({ subscribe }: Module): void => {
      if (!isWanted) return;
      ({ close } = subscribe({
        token: () => token.current(),
        onMessage: (message) => change((old) => withMessage(old, message, history)),
        onState: (state) => isWanted && change((old) => ({ ...old, state })),
      }));
    };
    // The address is the server's own; bundlers have nothing to find there.
    const script = `${server.replace(/\/$/, "")}/embed/realtime.js`;
    (import(/* @vite-ignore */ /* webpackIgnore: true */ script) as Promise<Module>).then(begin, () =>
      change((old) => ({ ...old, state: "error" })),
    );
    return () => {
      isWanted = false;
      close?.();
    };
  }, [server, channel, history]);
  return told.channel === channel ? told.value : NOTHING;
}

/** What has been told, with another message. */
export function withMessage(old: Channel, message: ChannelMessage, history: number): Channel {
  if (message.event === "end") return old;
  const topic = message.event === "status" ? "$status" : (message.data as { readonly topic: string }).topic;
  return {
    state: old.state,
    messages: [...old.messages, message].slice(-history),
    latest: { ...old.latest, [topic]: message },
  };
}
