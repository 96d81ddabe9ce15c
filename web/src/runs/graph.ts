/** The graph that a run executes: of its version, or of the part of it that a loop repeats. */

import type { Json } from "../base/json";
import { isList, isObject } from "../base/json";
import { api } from "../api/session";
import type { RunDetail } from "../api/schema";
import { graphAt } from "../document/scope";
import type { Graph, Scope, WorkflowDocument } from "../document/types";
import { SOURCE } from "../document/types";
import { Catalogue } from "../editor/catalogue";
import { prepare } from "../editor/prepare";
import type { EditorStore } from "../editor/store";
import { createEditorStore } from "../editor/store";
import type { Sources } from "./waterfall";

export interface RunGraph {
  readonly store: EditorStore;
  readonly document: WorkflowDocument;
  readonly scope: Scope;
  readonly graph: Graph;
  /** The same graph as it is stored. */
  readonly written: Json;
}

/** Loads what is needed to draw a run. Functions have no graph: `undefined`. */
export async function loadGraph(
  run: Pick<RunDetail, "workflow_id" | "version" | "path">,
): Promise<RunGraph | undefined> {
  if (run.workflow_id.includes("/")) return undefined;
  const [version, actions] = await Promise.all([api.version(run.workflow_id, run.version), api.actions()]);
  const document = prepare(version.document);
  const scope = run.path === null ? [] : run.path.split("/");
  const graph = graphAt(document, scope);
  // Compensations are a graph that no document has.
  if (graph.actions.length === 0) return undefined;
  const store = viewerStore(run.workflow_id, document, new Catalogue(actions), scope);
  return { store, document, scope, graph, written: writtenAt(version.document, scope) };
}

/** A store that shows a document and changes nothing. What is selected opens no panel on the canvas. */
function viewerStore(workflowId: string, document: WorkflowDocument, catalogue: Catalogue, scope: Scope): EditorStore {
  const save = { kind: "saved", at: "" } as const;
  const store = createEditorStore({ workflowId, catalogue, document, save, isReadOnly: true });
  store.setState({ scope, select: (selection) => store.setState({ selection }) });
  return store;
}

function writtenAt(document: Json, scope: Scope): Json {
  let here = document;
  for (const id of scope) {
    const actions: readonly Json[] = isObject(here) && isList(here.actions) ? here.actions : [];
    const loop = actions.find((action) => isObject(action) && action.id === id);
    here = isObject(loop) ? (loop.body ?? null) : null;
  }
  return here;
}

/** How often a step of the graph may be attempted; `undefined` where the graph, or its action, is not known. */
export function attemptsOf({ document, graph, store }: RunGraph, id: string): number | undefined {
  const action = graph.actions.find((one) => one.id === id);
  const own = action?.settings?.retries ?? document.settings?.retries;
  const retries = action && (own ?? store.getState().catalogue.get(action.kind)?.action.retries);
  return typeof retries === "number" ? retries + 1 : undefined;
}

/** Which steps each step follows on edges that were taken. */
export function sourcesOf(graph: RunGraph | undefined, edges: ReadonlyMap<string, string>): Sources {
  if (graph === undefined) return () => undefined;
  return (id) =>
    graph.graph.edges
      .filter((edge) => edge.to === id && edge.from !== SOURCE && edges.get(edge.id) === "taken")
      .map((edge) => edge.from);
}
