import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import type { TaggedDraft } from "../api/client";
import type { Json } from "../base/json";
import type { KeptEdit, SaveState } from "./saving";
import { keptName } from "../api/session";
import { DraftSaver, storageKeeper } from "./saving";

function draft(document: Json, revision: number): TaggedDraft {
  const value = { workflow_id: "w", revision, document: document as never, updated_at: "2026-01-01T00:00:00Z" };
  return { draft: value, etag: `"${revision}"` };
}

/** A server with one draft, which can be down, and on which somebody else may save. */
class Server {
  stored: TaggedDraft = draft({ n: 0 }, 1);
  isDown = false;
  losesAnswers = false;
  saves = 0;

  load = (): Promise<TaggedDraft> => Promise.resolve(this.stored);

  save = async (document: Json, etag: string): Promise<TaggedDraft> => {
    this.saves += 1;
    await Promise.resolve();
    if (this.isDown) throw new ApiError(0, "unreachable", "down");
    if (etag !== this.stored.etag) throw new ApiError(412, "stale-revision", "stale");
    this.stored = draft(document, this.stored.draft.revision + 1);
    if (this.losesAnswers) throw new ApiError(0, "unreachable", "lost");
    return this.stored;
  };
}

function open(server: Server): {
  saver: DraftSaver;
  states: string[];
  kept: () => KeptEdit | undefined;
  last: () => SaveState;
} {
  let kept: KeptEdit | undefined;
  const states: SaveState[] = [];
  const saver = new DraftSaver(server.stored, server.stored.draft.document, {
    load: server.load,
    save: server.save,
    keeper: {
      read: () => kept,
      write: (edit) => {
        kept = edit;
      },
      clear: () => {
        kept = undefined;
      },
    },
    onChange: (state) => states.push(state),
  });
  return {
    saver,
    get states() {
      return states.map(({ kind }) => kind);
    },
    kept: () => kept,
    last: () => states.at(-1) ?? { kind: "unsaved" },
  };
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a draft", () => {
  it("is saved a moment after the last change, once", async () => {
    const server = new Server();
    const session = open(server);
    for (let n = 1; n <= 5; n += 1) {
      session.saver.change({ n });
      await vi.advanceTimersByTimeAsync(300);
    }
    expect(server.saves).toBe(0);
    expect(session.kept()?.document).toEqual({ n: 5 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(server.stored.draft.document).toEqual({ n: 5 });
    expect(server.saves).toBe(1);
    expect(session.states.slice(-3)).toEqual(["unsaved", "saving", "saved"]);
    expect(session.kept()).toBeUndefined();
  });

  it("that changes while it is being saved is never shown as saved before it is", async () => {
    const server = new Server();
    const session = open(server);
    session.saver.change({ n: 1 });
    vi.advanceTimersByTime(700);
    session.saver.change({ n: 2 });
    await vi.advanceTimersByTimeAsync(0);
    expect(session.last().kind).toBe("unsaved");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(session.last().kind).toBe("saved");
    expect(server.stored.draft.document).toEqual({ n: 2 });
  });

  it("stays unsaved while the server is away, and is sent until it is back", async () => {
    const server = new Server();
    const session = open(server);
    server.isDown = true;
    session.saver.change({ n: 1 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(session.last().kind).toBe("offline");
    expect(session.saver.isDirty).toBe(true);
    expect(session.kept()?.document).toEqual({ n: 1 });
    server.isDown = false;
    await vi.advanceTimersByTimeAsync(31_000);
    expect(session.last().kind).toBe("saved");
  });

  it("whose saving succeeded without an answer is no conflict", async () => {
    const server = new Server();
    const session = open(server);
    server.losesAnswers = true;
    session.saver.change({ n: 1 });
    await vi.advanceTimersByTimeAsync(700);
    server.losesAnswers = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(session.last().kind).toBe("saved");
  });

  it("that is undone to what is saved needs no saving", async () => {
    const server = new Server();
    const session = open(server);
    const before = server.stored.draft.document;
    session.saver.change({ n: 1 });
    session.saver.change(before);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(server.saves).toBe(0);
    expect(session.last().kind).toBe("saved");
  });

  it("that others have changed is not overwritten, until somebody decides", async () => {
    const server = new Server();
    const mine = open(server);
    const other = open(server);
    other.saver.change({ n: "theirs" });
    const saved = other.saver.flush();
    await vi.advanceTimersByTimeAsync(1);
    expect((await saved).kind).toBe("saved");
    mine.saver.change({ n: "mine" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(mine.last().kind).toBe("conflict");
    expect(server.stored.draft.document).toEqual({ n: "theirs" });
    mine.saver.change({ n: "mine, too" });
    expect(mine.kept()?.document).toEqual({ n: "mine, too" });
    mine.saver.keepMine();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(server.stored.draft.document).toEqual({ n: "mine, too" });
    expect(mine.last().kind).toBe("saved");
  });

  it("of somebody else can take the place of one's own", async () => {
    const server = new Server();
    const mine = open(server);
    server.stored = draft({ n: "theirs" }, 2);
    mine.saver.change({ n: "mine" });
    await vi.advanceTimersByTimeAsync(1_000);
    mine.saver.takeTheirs({ n: "theirs" });
    expect(mine.saver.isDirty).toBe(false);
    expect(mine.kept()).toBeUndefined();
    mine.saver.change({ n: "next" });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(server.stored.draft.document).toEqual({ n: "next" });
  });
});

describe("what was typed", () => {
  const ADA = "/default/acme/user%3Aada";
  afterEach(() => localStorage.clear());

  it("is its owner's only, and nobody's where there is no owner", () => {
    const edit = { etag: '"1"', document: { n: "ada's" } };
    storageKeeper(ADA, "orders").write(edit);
    storageKeeper(undefined, "orders").write(edit);
    expect(Object.keys(localStorage)).toEqual([keptName("edit", ADA, "orders")]);
    for (const other of ["/default/globex/user%3Aada", "/default/acme/user%3Aeve", undefined])
      expect(storageKeeper(other, "orders").read()).toBeUndefined();
    expect(storageKeeper(ADA, "orders").read()).toEqual(edit);
  });

  it("is dropped where it does not say whose it is", () => {
    for (const name of ["workflowkit.edit.orders", "workflowkit.stubs.orders"]) localStorage.setItem(name, "{}");
    localStorage.setItem("workflowkit.recent", "[]");
    storageKeeper(ADA, "orders");
    expect(Object.keys(localStorage)).toEqual(["workflowkit.recent"]);
  });
});
