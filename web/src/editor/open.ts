/** Opening a workflow: what the server has, what was typed and not saved before the page was closed, and who wins. */

import type { TaggedDraft } from "../api/client";
import { ApiError } from "../api/client";
import type { Workflow } from "../api/schema";
import { api, presentOwner } from "../api/session";
import type { Json } from "../base/json";
import { isEqual } from "../base/json";
import { toJson } from "../document/read";
import type { WorkflowDocument } from "../document/types";
import { Catalogue } from "./catalogue";
import { prepare } from "./prepare";
import type { Keeper } from "./saving";
import { DraftSaver, storageKeeper } from "./saving";
import type { EditorStore } from "./store";
import { createEditorStore } from "./store";
import { t } from "../locale/locale";

export interface OpenedEditor {
  /** `undefined` where a host keeps the document. */
  readonly workflow: Workflow | undefined;
  readonly store: EditorStore;
  readonly saver: DraftSaver | undefined;
}

export interface OpenOptions {
  readonly isReadOnly?: boolean;
  /** What the catalogue offers: see `Catalogue`. */
  readonly offered?: readonly string[];
}

/** Loads a workflow with its draft and the catalogue. Throws `ApiError`, or `NotAWorkflow` for what cannot be drawn. */
export async function openEditor(
  workflowId: string,
  { isReadOnly = false, offered = [] }: OpenOptions = {},
): Promise<OpenedEditor> {
  const owner = presentOwner();
  const [workflow, opened, actions] = await Promise.all([
    api.workflow(workflowId),
    api.draft(workflowId),
    api.actions(),
  ]);
  const document = prepare(opened.draft.document);
  const isKept = isReadOnly || workflow.archived_at !== null;
  const store = createEditorStore({
    workflowId,
    catalogue: new Catalogue(actions, offered),
    document,
    save: { kind: "saved", at: opened.draft.updated_at },
    isReadOnly: isKept,
  });
  const keeper = storageKeeper(owner, workflowId);
  const saver = saverFor(owner, opened, document, store, keeper);
  if (!isKept) restoreKeptEdit(keeper, opened, saver, store);
  return { workflow, store, saver };
}

/** Opens a document that a host keeps: nothing of it is stored. Throws `ApiError`, or `NotAWorkflow`. */
export async function openGiven(
  workflowId: string,
  given: Json,
  { isReadOnly = false, offered = [] }: OpenOptions,
): Promise<OpenedEditor> {
  const document = prepare(given);
  const catalogue = new Catalogue(await api.actions(), offered);
  const save = { kind: "saved", at: "" } as const;
  const store = createEditorStore({ workflowId, catalogue, document, save, isReadOnly });
  return { workflow: undefined, store, saver: undefined };
}

function saverFor(
  owner: string | undefined,
  opened: TaggedDraft,
  document: WorkflowDocument,
  store: EditorStore,
  keeper: Keeper,
): DraftSaver {
  const { workflowId } = store.getState();
  const saver = new DraftSaver(opened, toJson(document), {
    load: () => api.draft(workflowId),
    save: async (value, etag) => {
      // Somebody else is let in on the same page: what was typed is not theirs, nor for their tenant's draft.
      if (owner !== undefined && presentOwner() !== owner)
        throw new ApiError(403, "forbidden", t("Somebody else is logged in now."));
      return await api.saveDraft(workflowId, value, etag);
    },
    keeper,
    onChange: (save) => store.setState({ save }),
  });
  store.subscribe((state, before) => {
    if (state.history.present !== before.history.present) saver.change(toJson(state.history.present));
  });
  return saver;
}

/** Brings back what was typed and never reached the server; asks, if the draft has changed since. */
function restoreKeptEdit(keeper: Keeper, opened: TaggedDraft, saver: DraftSaver, store: EditorStore): void {
  const kept = keeper.read();
  if (kept === undefined) return;
  if (isEqual(kept.document, opened.draft.document)) {
    keeper.clear();
    return;
  }
  let document: WorkflowDocument;
  try {
    document = prepare(kept.document);
  } catch {
    return; // the storage holds something else; the draft of the server is sound
  }
  if (kept.etag !== opened.etag) saver.meet(opened);
  store.getState().edit(() => document, t("restore what was not saved"));
}
