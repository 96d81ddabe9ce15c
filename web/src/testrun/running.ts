/**
 * The test run of an open editor: its event, its pins, and what it came to. It lives in the editor's store, so that it is
 * still there after a look at the form of a step.
 */

import type { DryRun } from "../api/schema";
import { asApiError } from "../api/useLoaded";
import type { Json, JsonObject } from "../base/json";
import { isObject, objectFrom } from "../base/json";
import { statusWord } from "../canvas/painting";
import { firstEventName } from "../config/triggers";
import { toJson } from "../document/read";
import type { EditorHost } from "../editor/host";
import type { EditorStore } from "../editor/store";
import type { Samples } from "../expressions/variables";
import { t } from "../locale/locale";
import { announce } from "../shell/notices";
import { runLive } from "./live";
import { paintDryRun, paintLive } from "./paint";
import type { Part } from "./part";
import { merged, partOf } from "./part";
import { referredData } from "./referred";
import type { Stubs } from "./stubs";
import { readStubs, writeStubs } from "./stubs";
import { tellInOneLine } from "../problems/told";

/** The event of a run that was started by hand. */
const BY_HAND = "workflow/run.requested";

export interface TestRun {
  /** The name of the event. */
  readonly name: string;
  /** Its data as JSON. */
  readonly text: string;
  /** Data from which a form is told; it must not lose a field while that is emptied. */
  readonly sample: JsonObject | undefined;
  /** Whether the data was proposed: then it is filled in as a form, if nobody wants the JSON. */
  readonly isProposed: boolean;
  /** Whether somebody has changed the data. */
  readonly isTouched: boolean;
  readonly part: Part;
  /** What stands for steps. */
  readonly stubs: Stubs;
  readonly result: DryRun | undefined;
  readonly error: readonly string[];
  /** Ends what goes on; nothing does without it. */
  readonly going: AbortController | undefined;
}

/** The test run as it was left; a new one for an editor that has had none, or of which nothing was filled in. */
export function openTestRun(store: EditorStore): TestRun {
  const { testRun, workflowId, history, selection } = store.getState();
  const { actions } = history.present;
  const [first] = [...actions.filter(({ id }) => selection.actions.has(id)), ...actions];
  const step = first?.id ?? "";
  if (testRun !== undefined && (testRun.isTouched || testRun.result !== undefined)) {
    const isThere = actions.some(({ id }) => id === testRun.part.step);
    return isThere ? testRun : { ...testRun, part: { ...testRun.part, step } };
  }
  const name = firstEventName(history.present);
  const proposed = proposedData(store, name);
  const isProposed = Object.keys(proposed).length > 0;
  return {
    name,
    text: JSON.stringify(proposed, null, 2),
    sample: isProposed ? proposed : undefined,
    isProposed,
    isTouched: false,
    part: { extent: "all", step },
    stubs: readStubs(workflowId),
    result: undefined,
    error: [],
    going: undefined,
  };
}

/** The data of the last event, and every other field that the draft reads. */
function proposedData(store: EditorStore, name: string): JsonObject {
  const { history, catalogue, samples } = store.getState();
  const { event } = samples;
  const isSame = isObject(event) && (event.name === name || event.name === BY_HAND);
  const last = isSame && isObject(event.data) ? event.data : {};
  return { ...referredData(history.present, (kind) => catalogue.get(kind)?.action.inputs), ...last };
}

export function changeTestRun(store: EditorStore, changes: Partial<TestRun>): void {
  const testRun = store.getState().testRun ?? openTestRun(store);
  const isTouched = testRun.isTouched || changes.text !== undefined;
  store.setState({ testRun: { ...testRun, isTouched, ...changes } });
}

/** Changes the data, which is from then on what references to the event show, also before anything was run. */
export function changeTestData(store: EditorStore, changes: Partial<TestRun>): void {
  changeTestRun(store, changes);
  const { testRun, samples } = store.getState();
  const data = testRun === undefined ? undefined : objectFrom(testRun.text);
  if (testRun === undefined || data === undefined || Object.keys(data).length === 0) return;
  const event = testRun.name === "" ? { data } : { name: testRun.name, data };
  store.setState({ samples: { ...samples, event } });
}

/** Takes pins away, for the next test runs too. */
export function keepStubs(store: EditorStore, stubs: Stubs): void {
  writeStubs(store.getState().workflowId, stubs);
  changeTestRun(store, { stubs });
}

/** Runs it with these stubs, which are kept if the run has taken them: what it refuses would stand in its way for ever. */
export async function startTestRun(store: EditorStore, host: EditorHost, stubs: Stubs): Promise<void> {
  const { testRun, workflowId, history } = store.getState();
  const data = testRun === undefined ? undefined : objectFrom(testRun.text);
  if (testRun === undefined || data === undefined) return;
  testRun.going?.abort();
  const mine = new AbortController();
  changeTestRun(store, { going: mine });
  const tell = (status: string): void => host.tell("run", { workflowId, runId: undefined, status });
  tell("running");
  const document = history.present;
  const written = toJson(document);
  const { name, part, result: last } = testRun;
  const event = name === "" ? { data } : { name, data };
  try {
    const told = await runLive(
      workflowId,
      { document: written, event, stubs, ...partOf(part, stubs, last) },
      {
        signal: mine.signal,
        onStates: (states) => store.setState({ painting: paintLive(states, document, written) }),
      },
    );
    if (told === undefined) return; // stopped, or another one has begun
    const result = part.extent === "only" ? merged(last, told) : told;
    keepStubs(store, stubs);
    changeTestRun(store, { result, error: [], going: undefined });
    const samples = samplesOf(result, event, store.getState().samples);
    store.setState({ painting: paintDryRun(result, document, written), samples });
    announce(t("The test run: {status}", { status: statusWord(result.status) }));
    tell(told.status);
  } catch (reason) {
    if (mine.signal.aborted) return;
    const { message, problems } = asApiError(reason);
    const { catalogue } = store.getState();
    const told = problems.map((problem) => tellInOneLine(document, catalogue, problem));
    const error = told.length > 0 ? [...new Set(told)] : [message];
    changeTestRun(store, { error, going: undefined });
    paintTestRun(store);
    tell("failed");
  }
}

/** Ends a test run that goes on. */
export function stopTestRun(store: EditorStore, host: EditorHost): void {
  const { testRun, workflowId } = store.getState();
  testRun?.going?.abort();
  changeTestRun(store, { going: undefined });
  store.setState({ painting: undefined });
  announce(t("The test run was stopped."));
  host.tell("run", { workflowId, runId: undefined, status: "cancelled" });
}

/** Shows on the canvas what the last test run came to. */
export function paintTestRun(store: EditorStore): void {
  const { testRun, history } = store.getState();
  if (testRun?.going !== undefined) return;
  const { present } = history;
  const painting = testRun?.result === undefined ? undefined : paintDryRun(testRun.result, present, toJson(present));
  store.setState({ painting });
}

/** The values of a test run as previews show them, over those that were known of other steps. */
export function samplesOf({ steps }: DryRun, event: JsonObject, before: Samples): Samples {
  const ended = steps.filter(({ status }) => status === "completed");
  const outputs = ended.map(({ id, output }): [string, Json] => [id, output]);
  return { event, outputs: new Map([...before.outputs, ...outputs]) };
}
