/** What an iframe with the editor and the page around it say to each other by `postMessage`. */

import type { Json } from "../base/json";
import type { HostEventName } from "../editor/host";

/** Tells our messages from those of others. */
export const CHANNEL = "workflow-editor";

/** What the page asks for. All may be left out but one of the workflow, the run, the approvals and the document. */
export interface FrameSettings {
  readonly workflowId?: string;
  /** Shows a run instead of the editor. */
  readonly runId?: string;
  /** Shows what the user is asked to decide instead of the editor. */
  readonly approvals?: boolean;
  /** Edits a document that the page keeps. */
  readonly document?: Json;
  /** The kinds of actions that are offered. */
  readonly actions?: readonly string[];
  readonly readOnly?: boolean;
  readonly theme?: "system" | "light" | "dark";
  readonly locale?: string;
  /** Values for the `--wk-*` properties. */
  readonly variables?: Readonly<Record<string, string>>;
}

export type FromHost =
  | { readonly channel: typeof CHANNEL; readonly kind: "open"; readonly settings: FrameSettings }
  | { readonly channel: typeof CHANNEL; readonly kind: "token"; readonly request: number; readonly token: string }
  | { readonly channel: typeof CHANNEL; readonly kind: "no-token"; readonly request: number; readonly reason: string };

export type FromFrame =
  | { readonly channel: typeof CHANNEL; readonly kind: "ready" }
  | { readonly channel: typeof CHANNEL; readonly kind: "token-wanted"; readonly request: number }
  | {
      readonly channel: typeof CHANNEL;
      readonly kind: "event";
      readonly name: HostEventName;
      readonly detail: unknown;
    };

export const EVENT_NAMES: readonly HostEventName[] = [
  "change",
  "save",
  "saved",
  "published",
  "problems",
  "selection",
  "run",
  "decided",
  "error",
  "token-expiring",
];

/** The data of a message, if it is one of ours. */
export function readMessage<T extends FromHost | FromFrame>(event: MessageEvent): T | undefined {
  const data: unknown = event.data;
  const isOurs = typeof data === "object" && data !== null && "channel" in data && data.channel === CHANNEL;
  return isOurs ? (data as T) : undefined;
}
