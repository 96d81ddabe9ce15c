/** What an open editor knows, and everything that can be done in it. One store per editor on the page. */

import { createContext, use } from "react";
import type { StoreApi } from "zustand";
import { createStore, useStore } from "zustand";
import type { Painting } from "../canvas/painting";
import { toJson } from "../document/read";
import type { History } from "../document/history";
import { record, redo, settle, startHistory, undo } from "../document/history";
import { graphAt } from "../document/scope";
import type { Way } from "../document/edits";
import type { Edit, Graph, Position, Scope, WorkflowDocument } from "../document/types";
import { SOURCE } from "../document/types";
import type { ProblemIndex, Target } from "../problems/locate";
import { NO_PROBLEMS } from "../problems/locate";
import { announce } from "../shell/notices";
import type { Samples } from "../expressions/variables";
import { NO_SAMPLES } from "../expressions/variables";
import type { Catalogue } from "./catalogue";
import type { EditorHost } from "./host";
import { APPLICATION } from "./host";
import type { Possible } from "./possible";
import { ANYTHING_POSSIBLE } from "./possible";
import type { TestRun } from "../testrun/running";
import type { DraftSaver, SaveState } from "./saving";
import { t } from "../locale/locale";

export interface Selection {
  readonly actions: ReadonlySet<string>;
  readonly edges: ReadonlySet<string>;
}

export const NOTHING: Selection = { actions: new Set(), edges: new Set() };

/** Where the next step is wanted, while somebody chooses which. */
export type AddWish =
  | { readonly at: "free"; readonly position: Position | undefined }
  | { readonly at: "after"; readonly from: string; readonly way?: Way; readonly position?: Position }
  | { readonly at: "edge"; readonly edgeId: string };

/** What the canvas can be asked for. */
export interface CanvasControls {
  readonly centre: () => Position;
  /** All of the graph, however small; or only as much of it as can be read. */
  readonly fit: (isAll?: boolean) => void;
  /** Moves as little as possible, so that these nodes and what hangs below them can be seen. */
  readonly reveal: (ids: readonly string[]) => void;
}

/** What stands at the right side. */
export type Panel = "none" | "config" | "problems" | "versions" | "outline" | "test";

/** A field that is to get the focus; `number` tells one wish from the next. */
export interface FocusWish {
  readonly field: string;
  readonly number: number;
}

export interface EditorState {
  readonly workflowId: string;
  readonly catalogue: Catalogue;
  readonly history: History;
  readonly scope: Scope;
  readonly selection: Selection;
  readonly panel: Panel;
  readonly problems: ProblemIndex;
  readonly isValidating: boolean;
  readonly save: SaveState;
  readonly focusWish: FocusWish | undefined;
  /** A node that the canvas is to bring into view. */
  readonly viewWish: { readonly id: string; readonly number: number } | undefined;
  readonly isReadOnly: boolean;
  readonly adding: AddWish | undefined;
  /** Values from the last run, for previews. */
  readonly samples: Samples;
  /** By what workflows may be started here, and what is known of their events. */
  readonly possible: Possible;
  /** How a run went, to be shown on the canvas. */
  readonly painting: Painting | undefined;
  /** The test run as it was left. */
  readonly testRun: TestRun | undefined;
  /** Set by the canvas, while there is one. */
  readonly canvas: CanvasControls | undefined;

  /** Changes the document. Edits in a row with the same merge key are one step of undo. */
  readonly edit: (edit: Edit, label: string, mergeKey?: string) => void;
  readonly settleEdit: () => void;
  readonly undo: () => void;
  readonly redo: () => void;
  readonly select: (selection: Selection, panel?: Panel) => void;
  readonly selectAction: (id: string) => void;
  readonly selectEdge: (id: string) => void;
  readonly show: (panel: Panel) => void;
  /** Opens the list of actions for a place, or closes it. */
  readonly want: (adding: AddWish | undefined) => void;
  readonly enter: (scope: Scope) => void;
  /** Shows what a problem is about, and puts the focus into its field. */
  readonly goTo: (target: Target) => void;
  /** Starts over with another document, such as somebody else's. */
  readonly replace: (document: WorkflowDocument) => void;
}

export type EditorStore = StoreApi<EditorState>;

let lastWish = 0;

function nextWish(): number {
  lastWish += 1;
  return lastWish;
}

export interface OpenEditor {
  readonly workflowId: string;
  readonly catalogue: Catalogue;
  readonly document: WorkflowDocument;
  readonly save: SaveState;
  readonly isReadOnly: boolean;
}

export function createEditorStore(open: OpenEditor): EditorStore {
  return createStore<EditorState>((set, get) => {
    const setHistory = (history: History): void => {
      if (history !== get().history) set({ history, ...remaining(history.present, get()) });
    };
    return {
      workflowId: open.workflowId,
      catalogue: open.catalogue,
      history: startHistory(open.document),
      scope: [],
      selection: NOTHING,
      panel: "none",
      problems: NO_PROBLEMS,
      isValidating: false,
      save: open.save,
      focusWish: undefined,
      viewWish: undefined,
      isReadOnly: open.isReadOnly,
      adding: undefined,
      samples: NO_SAMPLES,
      possible: ANYTHING_POSSIBLE,
      painting: undefined,
      testRun: undefined,
      canvas: undefined,

      edit: (edit, label, mergeKey) => {
        const { history, isReadOnly } = get();
        if (!isReadOnly) setHistory(record(history, edit(history.present), label, mergeKey));
      },
      settleEdit: () => set({ history: settle(get().history) }),
      undo: () => {
        const { history } = get();
        if (history.past.length > 0) announce(t("Undone: {what}", { what: history.past.at(-1)?.label ?? "" }));
        setHistory(undo(history));
      },
      redo: () => {
        const { history } = get();
        if (history.future.length > 0) announce(t("Done again: {what}", { what: history.future.at(-1)?.label ?? "" }));
        setHistory(redo(history));
      },
      select: (selection, panel) => {
        const { settleEdit, panel: shown } = get();
        settleEdit();
        set({ selection, panel: panel ?? panelFor(selection, shown) });
      },
      selectAction: (id) => get().select({ actions: new Set([id]), edges: new Set() }, "config"),
      selectEdge: (id) => get().select({ actions: new Set(), edges: new Set([id]) }, "config"),
      show: (panel) => set({ panel }),
      want: (adding) => !get().isReadOnly && set({ adding }),
      enter: (scope) => set({ scope, selection: NOTHING, panel: "none" }),
      goTo: (target) => {
        const number = nextWish();
        if (target.kind === "workflow") {
          get().selectAction(SOURCE);
          set({ scope: [], focusWish: { field: target.field, number }, viewWish: { id: SOURCE, number } });
          return;
        }
        set({ scope: target.scope });
        if (target.kind === "edge") get().selectEdge(target.id);
        else get().selectAction(target.id);
        const graph = graphAt(get().history.present, target.scope);
        const id = target.kind === "action" ? target.id : graph.edges.find((edge) => edge.id === target.id)?.to;
        set({ focusWish: { field: target.field, number }, ...(id === undefined ? {} : { viewWish: { id, number } }) });
      },
      replace: (document) => set({ history: startHistory(document), scope: [], selection: NOTHING, panel: "none" }),
    };
  });
}

function panelFor(selection: Selection, shown: Panel): Panel {
  const count = selection.actions.size + selection.edges.size;
  if (count > 0 && shown === "none") return count === 1 ? "config" : "none";
  // It is about one thing only.
  return count !== 1 && shown === "config" ? "none" : shown;
}

/** Scope and selection without what is no longer there. */
function remaining(document: WorkflowDocument, state: EditorState): Pick<EditorState, "scope" | "selection"> {
  const scope = [...state.scope];
  while (scope.length > 0 && !has(graphAt(document, scope.slice(0, -1)), scope.at(-1))) scope.pop();
  const graph = graphAt(document, scope);
  const actions = [...state.selection.actions].filter((id) => id === SOURCE || has(graph, id));
  const edgeIds = new Set(graph.edges.map((edge) => edge.id));
  const edges = [...state.selection.edges].filter((id) => edgeIds.has(id));
  const isSame = actions.length === state.selection.actions.size && edges.length === state.selection.edges.size;
  return {
    scope: scope.length === state.scope.length ? state.scope : scope,
    selection: isSame ? state.selection : { actions: new Set(actions), edges: new Set(edges) },
  };
}

function has(graph: Graph, id: string | undefined): boolean {
  return graph.actions.some((action) => action.id === id);
}

/** What the parts of an editor share. */
export interface EditorContextValue {
  readonly store: EditorStore;
  readonly saver: DraftSaver | undefined;
  /** This application, unless something else is said. */
  readonly host?: EditorHost;
}

export const EditorContext = createContext<EditorContextValue | undefined>(undefined);

export function useEditorContext(): EditorContextValue {
  const context = use(EditorContext);
  if (context === undefined) throw new Error("this is shown outside of an editor");
  return context;
}

export function useHost(): EditorHost {
  return useEditorContext().host ?? APPLICATION;
}

export function useEditor<T>(select: (state: EditorState) => T): T {
  return useStore(useEditorContext().store, select);
}

export function useDocument(): WorkflowDocument {
  return useEditor((state) => state.history.present);
}

/** The graph that the canvas shows. */
export function useGraph(): Graph {
  const document = useDocument();
  const scope = useEditor((state) => state.scope);
  return graphAt(document, scope);
}

/** The document of a store as JSON: the same object as long as nothing changes. */
export function documentJson(store: EditorStore): ReturnType<typeof toJson> {
  return toJson(store.getState().history.present);
}
