/** What an editor is a part of: this application, or a page of somebody else's, which has a say in it. */

import type { Problem } from "../api/schema";
import type { Json } from "../base/json";
import type { PatchOperation } from "../document/patch";

/** What a host is told, by the name of the event. */
export interface HostEvents {
  readonly change: {
    readonly workflowId: string;
    readonly document: Json;
    readonly patch: readonly PatchOperation[];
  };
  /** Somebody wants saved what the host keeps. */
  readonly save: { readonly workflowId: string; readonly document: Json };
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
  /** How a run stands that is shown; without an id it is a test run of the editor. */
  readonly run: { readonly workflowId: string; readonly runId: string | undefined; readonly status: string };
  /** Somebody has decided; `status` is what the approval has come to by that. */
  readonly decided: {
    readonly workflowId: string;
    readonly runId: string;
    readonly approvalId: string;
    readonly status: string;
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
  /** Whether the page keeps the document itself: nothing of it is saved, published or restored here. */
  readonly isKeeper: boolean;
  readonly tell: Tell;
}

/** The application's own pages: a server that refuses something says so. */
export const APPLICATION: EditorHost = {
  isEmbedded: false,
  mayPublish: true,
  isKeeper: false,
  tell: () => undefined,
};
