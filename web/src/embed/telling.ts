/** Tells the host's page what happens in the editor. */

import type { Json } from "../base/json";
import { isEqual } from "../base/json";
import { patchBetween } from "../document/patch";
import { toJson } from "../document/read";
import type { WorkflowDocument } from "../document/types";
import type { Tell } from "../editor/host";
import type { EditorState, EditorStore } from "../editor/store";

/** As many documents as somebody may make in that time. */
const MOST_TOLD = 50;
/** How long a document that was told may come back without being taken for another one than the present. */
const ECHO_MS = 1000;

interface Told {
  readonly document: Json;
  readonly at: number;
}

/** Tells from now on what somebody does in one editor. */
export class Telling {
  /** Ends it. */
  readonly stop: () => void;
  private isTaking = false;
  private told: readonly Told[] = [];

  constructor(
    private readonly store: EditorStore,
    private readonly tell: Tell,
  ) {
    this.stop = store.subscribe((state, before) => this.tellChanges(state, before));
  }

  /** Has the editor show another document, of which the host knows already. */
  take(document: WorkflowDocument, label: string): void {
    const { isReadOnly, edit, replace } = this.store.getState();
    this.isTaking = true;
    try {
      // One step more, so that what somebody has done before can still be undone.
      if (isReadOnly) replace(document);
      else edit(() => document, label);
    } finally {
      this.isTaking = false;
    }
  }

  /**
   * Whether the host was told a document a moment ago. Hosts give back what they are told: what somebody has typed since
   * must not be taken back by that.
   */
  hasJustTold(document: Json): boolean {
    this.told = this.told.filter(({ at }) => at > performance.now() - ECHO_MS);
    return this.told.some((each) => isEqual(each.document, document));
  }

  private tellChanges(state: EditorState, before: EditorState): void {
    const { workflowId } = state;
    if (state.history.present !== before.history.present && !this.isTaking) {
      const document = toJson(state.history.present);
      this.told = [...this.told, { document, at: performance.now() }].slice(-MOST_TOLD);
      this.tell("change", { workflowId, document, patch: patchBetween(toJson(before.history.present), document) });
    }
    if (state.save !== before.save) {
      if (state.save.kind === "saved" && before.save.kind !== "saved")
        this.tell("saved", { workflowId, savedAt: state.save.at });
      if (state.save.kind === "refused") this.tell("error", { code: "not-saved", message: state.save.reason });
    }
    if (state.problems !== before.problems) {
      const { all, errorCount } = state.problems;
      this.tell("problems", { workflowId, errorCount, problems: all.map(({ problem }) => problem) });
    }
    if (state.selection !== before.selection) {
      const { actions, edges } = state.selection;
      this.tell("selection", { workflowId, actions: [...actions], edges: [...edges] });
    }
  }
}
