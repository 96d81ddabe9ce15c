/** Tells the host's page what happens in the editor. */

import { toJson } from "../document/read";
import type { Tell } from "../editor/host";
import type { EditorState, EditorStore } from "../editor/store";

/** Tells from now on; the result ends that. */
export function startTelling(store: EditorStore, tell: Tell): () => void {
  return store.subscribe((state, before) => tellChanges(state, before, tell));
}

function tellChanges(state: EditorState, before: EditorState, tell: Tell): void {
  const { workflowId } = state;
  if (state.history.present !== before.history.present)
    tell("change", { workflowId, document: toJson(state.history.present) });
  if (state.save !== before.save) {
    if (state.save.kind === "saved" && before.save.kind !== "saved")
      tell("saved", { workflowId, savedAt: state.save.at });
    if (state.save.kind === "refused") tell("error", { code: "not-saved", message: state.save.reason });
  }
  if (state.problems !== before.problems) {
    const { all, errorCount } = state.problems;
    tell("problems", { workflowId, errorCount, problems: all.map(({ problem }) => problem) });
  }
  if (state.selection !== before.selection) {
    const { actions, edges } = state.selection;
    tell("selection", { workflowId, actions: [...actions], edges: [...edges] });
  }
}
