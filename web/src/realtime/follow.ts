/** The client for pages of host applications, which load it from the server: `<mount>/embed/realtime.js`. */

import type { SubscribeOptions, Subscription } from "./subscribe";
import { subscribe as begin } from "./subscribe";

/** Where streams are of the application that this script was loaded from. */
const OWN_URL = new URL("../api/realtime", import.meta.url).href;

export type FollowOptions = Omit<SubscribeOptions, "url"> & Partial<Pick<SubscribeOptions, "url">>;

/** Follows what the token admits to, until `close` is called or nothing will follow. */
export function subscribe(options: FollowOptions): Subscription {
  return begin({ url: OWN_URL, ...options });
}
