/**
 * Saving the draft while somebody edits. Nothing that was typed is lost: it is written into the browser's storage at
 * once, sent to the server a moment later, and sent again until the server has taken it, also after the editor was left
 * for another page of the application. What others have saved in the
 * meantime is never overwritten without asking.
 */

import type { Json } from "../base/json";
import { isEqual } from "../base/json";
import { ApiError } from "../api/client";
import type { TaggedDraft } from "../api/client";
import { keptName } from "../api/session";

export type SaveState =
  | { readonly kind: "saved"; readonly at: string }
  | { readonly kind: "unsaved" }
  | { readonly kind: "saving" }
  /** The server cannot be reached; the next attempt comes by itself. */
  | { readonly kind: "offline"; readonly reason: string }
  /** The server does not take it, and would not take it later. */
  | { readonly kind: "refused"; readonly reason: string }
  /** Somebody else has saved something different. */
  | { readonly kind: "conflict"; readonly theirs: TaggedDraft };

/** An edit that the server did not have when the page was closed. */
export interface KeptEdit {
  /** The draft that was edited. */
  readonly etag: string;
  readonly document: Json;
}

/** Where edits wait for the server. */
export interface Keeper {
  readonly read: () => KeptEdit | undefined;
  readonly write: (edit: KeptEdit) => void;
  readonly clear: () => void;
}

export interface SavingOptions {
  readonly load: () => Promise<TaggedDraft>;
  readonly save: (document: Json, etag: string) => Promise<TaggedDraft>;
  readonly keeper: Keeper;
  readonly onChange: (state: SaveState) => void;
}

const QUIET_MS = 700;
const RETRY_MS = [1_000, 2_000, 5_000, 10_000, 30_000] as const;

export class DraftSaver {
  private etag: string;
  private savedDocument: Json;
  private document: Json;
  private state: SaveState;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private waiting: (() => void)[] = [];

  constructor(
    opened: TaggedDraft,
    /** The draft as the editor shows it, which may have ids that were not stored yet. */
    document: Json,
    private readonly options: SavingOptions,
  ) {
    this.etag = opened.etag;
    this.document = document;
    this.savedDocument = document;
    this.state = { kind: "saved", at: opened.draft.updated_at };
  }

  get currentEtag(): string {
    return this.etag;
  }

  get isDirty(): boolean {
    return this.document !== this.savedDocument;
  }

  /** Takes over an edit. A document that is the saved one again, by undo, needs no saving. */
  change(document: Json): void {
    this.document = document;
    if (this.state.kind === "conflict") return this.keep();
    if (!this.isDirty) {
      this.stopTimer();
      if (this.state.kind === "saving") return undefined;
      this.options.keeper.clear();
      return this.setState({ kind: "saved", at: new Date().toISOString() });
    }
    this.keep();
    if (this.state.kind === "saving") return undefined;
    this.setState({ kind: "unsaved" });
    return this.saveIn(QUIET_MS);
  }

  /** Saves now what is unsaved; resolves when it is saved or cannot be. */
  flush(): Promise<SaveState> {
    if (!this.isDirty || this.state.kind === "conflict") return Promise.resolve(this.state);
    const settled = new Promise<SaveState>((resolve) => {
      this.waiting.push(() => resolve(this.state));
    });
    if (this.state.kind !== "saving") this.saveIn(0);
    return settled;
  }

  /** Ends a conflict: with one's own document over the other's draft. */
  keepMine(): void {
    if (this.state.kind !== "conflict") return;
    this.etag = this.state.theirs.etag;
    this.setState({ kind: "unsaved" });
    this.saveIn(0);
  }

  /** Ends a conflict with the other's document, as the editor shows it. */
  takeTheirs(document: Json): void {
    if (this.state.kind !== "conflict") return;
    this.etag = this.state.theirs.etag;
    this.document = document;
    this.savedDocument = document;
    this.options.keeper.clear();
    this.setState({ kind: "saved", at: this.state.theirs.draft.updated_at });
  }

  /** Says that somebody else has a different document, before anything is sent. */
  meet(theirs: TaggedDraft): void {
    this.setState({ kind: "conflict", theirs });
  }

  /** Takes a document out of the browser's storage, unless something newer is kept there: by this page or another. */
  private forget(document: Json): void {
    const kept = this.options.keeper.read();
    if (kept !== undefined && isEqual(kept.document, document)) this.options.keeper.clear();
  }

  private keep(): void {
    this.options.keeper.write({ etag: this.etag, document: this.document });
  }

  private saveIn(delayMs: number): void {
    this.stopTimer();
    this.timer = setTimeout(() => void this.saveNow(), delayMs);
  }

  private stopTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private async saveNow(): Promise<void> {
    const sent = this.document;
    this.setState({ kind: "saving" });
    try {
      const saved = await this.options.save(sent, this.etag);
      this.etag = saved.etag;
      this.savedDocument = sent;
      this.failures = 0;
      this.forget(sent);
      this.afterSaving(saved.draft.updated_at);
    } catch (reason) {
      await this.afterFailure(reason);
    }
  }

  private afterSaving(at: string): void {
    if (this.isDirty) {
      this.keep();
      this.setState({ kind: "unsaved" });
      return this.saveIn(this.waiting.length > 0 ? 0 : QUIET_MS);
    }
    this.setState({ kind: "saved", at });
    return this.settle();
  }

  private async afterFailure(reason: unknown): Promise<void> {
    const error = reason instanceof ApiError ? reason : new ApiError(0, "unexpected", String(reason));
    if (error.status === 412) {
      try {
        return this.afterStale(await this.options.load());
      } catch {
        // The next attempt meets the same answer, when the server is back.
      }
    }
    if (error.isTemporary || error.status === 412 || error.status === 401) {
      this.setState({ kind: "offline", reason: error.message });
      this.saveIn(RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)] ?? RETRY_MS[0]);
      this.failures += 1;
    } else {
      this.setState({ kind: "refused", reason: error.message });
    }
    return this.settle();
  }

  /** The draft on the server is another one than was edited: perhaps our own, whose answer was lost. */
  private afterStale(theirs: TaggedDraft): void {
    if (isEqual(theirs.draft.document, this.document)) {
      this.etag = theirs.etag;
      this.savedDocument = this.document;
      this.forget(this.document);
      return this.afterSaving(theirs.draft.updated_at);
    }
    this.setState({ kind: "conflict", theirs });
    return this.settle();
  }

  private settle(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  private setState(state: SaveState): void {
    this.state = state;
    this.options.onChange(state);
  }
}

/**
 * Keeps the edits of an owner (`presentOwner`) in the browser's storage, which survives a crash of the page and of the
 * browser. Where it is not known whose they are, nothing is kept: they would be shown to whoever comes next.
 */
export function storageKeeper(owner: string | undefined, workflowId: string, given?: Storage): Keeper {
  const storage = owner === undefined ? undefined : (given ?? browserStorage());
  const key = keptName("edit", owner ?? "", workflowId);
  if (storage === undefined) return { read: () => undefined, write: () => undefined, clear: () => undefined };
  forgetOwnerless(storage);
  return {
    read: () => {
      const text = storage.getItem(key);
      try {
        return text === null ? undefined : (JSON.parse(text) as KeptEdit);
      } catch {
        return undefined;
      }
    },
    write: (edit) => {
      try {
        storage.setItem(key, JSON.stringify(edit));
      } catch {
        // The storage is full or switched off: the edit still goes to the server.
      }
    },
    clear: () => storage.removeItem(key),
  };
}

/** What was kept before it had an owner may be anybody's: it is nobody's. */
function forgetOwnerless(storage: Storage): void {
  for (const name of Object.keys(storage))
    if (/^workflowkit\.(edit|stubs)\.[^/]*$/.test(name)) storage.removeItem(name);
}

function browserStorage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined; // an iframe in which the browser allows none: edits go to the server only
  }
}
