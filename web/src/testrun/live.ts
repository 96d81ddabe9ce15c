/** A test run as it goes on: what the server tells, and at last what it came to. */

import { ApiError, refusal } from "../api/client";
import type { DryRun, DryRunRequest, ProblemDocument } from "../api/schema";
import { api } from "../api/session";
import { EventReader } from "../realtime/events";
import { t } from "../locale/locale";
import type { LiveStates } from "./paint";

/** How often a test run whose connection was lost is begun again, and after what pause: nothing of it was stored. */
const MOST_ATTEMPTS = 4;
const RETRY_MS = 800;

interface StateNews {
  readonly steps: readonly { readonly id: string; readonly status: string }[];
  readonly edges: readonly { readonly id: string; readonly state: string }[];
}

export interface LiveOptions {
  /** Told whenever something has changed: all that is known. */
  readonly onStates: (states: LiveStates) => void;
  /** Ends the test run, on the server too. */
  readonly signal: AbortSignal;
}

/** Runs it; `undefined` if it was stopped. Throws an `ApiError`. */
export async function runLive(
  workflowId: string,
  request: DryRunRequest,
  { onStates, signal }: LiveOptions,
): Promise<DryRun | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once(workflowId, request, { onStates, signal });
    } catch (reason) {
      if (signal.aborted) return undefined;
      const isLost = !(reason instanceof ApiError) || reason.status === 0;
      if (!isLost || attempt === MOST_ATTEMPTS) throw reason;
    }
    await pause(RETRY_MS * attempt, signal);
    if (signal.aborted) return undefined;
  }
}

async function once(workflowId: string, request: DryRunRequest, { onStates, signal }: LiveOptions): Promise<DryRun> {
  const response = await api.followDryRun(workflowId, request, signal);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const events = new EventReader();
  let states: LiveStates = { steps: new Map(), edges: new Map() };
  for (;;) {
    const piece = await reader?.read();
    if (piece === undefined || piece.done) throw new ApiError(0, "unreachable", t("The server cannot be reached."));
    for (const event of events.feed(piece.value)) {
      if (event.event === "result") return event.data as DryRun;
      if (event.event === "problem") throw refusal(event.data as ProblemDocument);
      states = withNews(states, event.data as StateNews);
      onStates(states);
    }
  }
}

function withNews(states: LiveStates, news: StateNews): LiveStates {
  return {
    steps: new Map([...states.steps, ...news.steps.map(({ id, status }): [string, string] => [id, status])]),
    edges: new Map([...states.edges, ...news.edges.map(({ id, state }): [string, string] => [id, state])]),
  };
}

function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, durationMs);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
