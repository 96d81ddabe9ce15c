/** The page around the iframe: opens a workflow in it, hands tokens over, and makes events of what the editor tells. */

import type { FrameSettings, FromFrame, FromHost } from "./protocol";
import { CHANNEL, readMessage } from "./protocol";
import type { GetToken } from "./token";

/** The address of the application that this script was loaded from. */
const OWN_SERVER = new URL("..", import.meta.url).href;

export interface FrameOptions extends FrameSettings {
  /** Where Workflow Kit is mounted; the place this script came from, unless said otherwise. */
  readonly server?: string;
  /** Asks one's own server for a token: at first, and whenever the last one is about to end. */
  readonly getToken: GetToken;
}

export interface FrameConnection {
  /** Opens something else, or in another way; another `document` takes the place of the one that is shown. */
  readonly open: (settings: FrameSettings) => void;
  /** Listens no more, and gives no token. */
  readonly close: () => void;
}

/** Opens a workflow in an iframe, whose address this sets. The editor's events are dispatched at the iframe. */
export function connectFrame(
  frame: HTMLIFrameElement,
  { getToken, server = OWN_SERVER, ...settings }: FrameOptions,
): FrameConnection {
  const address = new URL(`${server.replace(/\/$/, "")}/embed/frame`, location.href);
  const { origin } = address;
  let wanted: FrameSettings = settings;
  let isClosed = false;
  const send = (message: FromHost): void => {
    // The frame may show what somebody else has opened by now: a token that comes late is not for them.
    if (!isClosed) frame.contentWindow?.postMessage(message, origin);
  };
  const open = (): void => send({ channel: CHANNEL, kind: "open", settings: wanted });
  const giveToken = async (request: number): Promise<void> => {
    try {
      send({ channel: CHANNEL, kind: "token", request, token: await getToken() });
    } catch (reason) {
      send({ channel: CHANNEL, kind: "no-token", request, reason: String(reason) });
    }
  };
  const receive = (event: MessageEvent): void => {
    if (event.source !== frame.contentWindow || event.origin !== origin) return;
    const message = readMessage<FromFrame>(event);
    if (message?.kind === "ready") open();
    else if (message?.kind === "token-wanted") void giveToken(message.request);
    else if (message?.kind === "event") frame.dispatchEvent(new CustomEvent(message.name, { detail: message.detail }));
  };
  addEventListener("message", receive);
  frame.src = address.href;
  return {
    open: (next) => {
      wanted = next;
      open();
    },
    close: () => {
      isClosed = true;
      removeEventListener("message", receive);
    },
  };
}
