import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Event } from "../api/schema";
import { api } from "../api/session";
import type { JsonObject } from "../base/json";
import { openDocument } from "../document/read";
import { Catalogue } from "./catalogue";
import type { EditorStore } from "./store";
import { createEditorStore } from "./store";
import { followEvent } from "./useSamples";

/** Longer than what is typed is waited for. */
const LATER_MS = 1000;

function opened(trigger: JsonObject): EditorStore {
  const document = openDocument({ triggers: [trigger], actions: [], edges: [] });
  const save = { kind: "saved", at: "" } as const;
  return createEditorStore({ workflowId: "w", catalogue: new Catalogue([]), document, save, isReadOnly: false });
}

/** Writes another trigger, and waits. */
async function write(store: EditorStore, trigger: JsonObject): Promise<void> {
  store.getState().edit((document) => ({ ...document, triggers: [trigger] }), "Trigger");
  await vi.advanceTimersByTimeAsync(LATER_MS);
}

function anEvent(name: string, data: JsonObject): Event {
  return { id: "1", event_id: null, name, data, ts: 7 } as unknown as Event;
}

describe("previews of a workflow without a run", () => {
  let closed: AbortController;

  beforeEach(() => {
    closed = new AbortController();
    vi.useFakeTimers();
    vi.spyOn(api, "events").mockImplementation((name = "") =>
      Promise.resolve({ items: name === "known" ? [anEvent(name, { total: 5 })] : [], next_cursor: null }),
    );
  });

  afterEach(() => {
    closed.abort();
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it("have the last event of its trigger, also once that is written", async () => {
    const store = opened({ event: "" });
    followEvent(store, closed.signal);
    await vi.advanceTimersByTimeAsync(LATER_MS);
    expect(store.getState().samples.event).toBeUndefined();
    expect(api.events).not.toHaveBeenCalled();
    await write(store, { event: "known" });
    expect(store.getState().samples.event).toEqual({ id: "1", name: "known", data: { total: 5 }, ts: 7 });
    await write(store, { event: "unknown" });
    expect(store.getState().samples.event).toBeUndefined();
  });

  it("keep what a test run has shown", async () => {
    const store = opened({ event: "unknown" });
    followEvent(store, closed.signal);
    await vi.advanceTimersByTimeAsync(LATER_MS);
    const samples = { event: { name: "tried" }, outputs: new Map() };
    store.setState({ samples });
    await write(store, { event: "known" });
    expect(store.getState().samples).toBe(samples);
  });

  it("ask for nothing once the editor is closed", async () => {
    const store = opened({ event: "" });
    followEvent(store, closed.signal);
    closed.abort();
    await write(store, { event: "known" });
    expect(api.events).not.toHaveBeenCalled();
  });
});
