/** What an editor is a part of: this application, or a page of somebody else's, which has a say in it. */

import type { Problem } from "../api/schema";
import type { Json } from "../base/json";

/** What a host is told, by the name of the event. */
export interface HostEvents {
  readonly change: { readonly workflowId: string; readonly document: Json };
  readonly saved: { readonly workflowId: string; readonly savedAt: string };
  readonly published: { readonly workflowId: string; readonly version: number };
  readonly problems: {
    readonly workflowId: string;
    readonly errorCount: number;
    readonly problems: readonly Problem[];
  };
  readonly selection: {
    readonly workflowId: string;
    readonly actions: readonly string[];
    readonly edges: readonly string[];
  };
  readonly error: { readonly code: string; readonly message: string };
  readonly "token-expiring": { readonly expiresAt: string | undefined };
}

export type HostEventName = keyof HostEvents;
export type Tell = <Name extends HostEventName>(name: Name, detail: HostEvents[Name]) => void;

export interface EditorHost {
  /** Whether the page is somebody else's: its address, its title and its other sections are none of ours. */
  readonly isEmbedded: boolean;
  readonly mayPublish: boolean;
  readonly tell: Tell;
}

/** The application's own pages: a server that refuses something says so. */
export const APPLICATION: EditorHost = { isEmbedded: false, mayPublish: true, tell: () => undefined };
