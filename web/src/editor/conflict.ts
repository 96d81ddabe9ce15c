/** The two ways out of a conflict. The version that is not taken stays in the undo history: neither is lost. */

import type { Json } from "../base/json";
import { toJson } from "../document/read";
import { t } from "../locale/locale";
import { prepare } from "./prepare";
import type { DraftSaver } from "./saving";
import type { EditorStore } from "./store";

/** One step of undo brings one's own version back. Throws `NotAWorkflow` for what cannot be drawn. */
export function takeTheirs(store: EditorStore, saver: DraftSaver, theirs: Json): void {
  const document = prepare(theirs);
  saver.takeTheirs(toJson(document));
  store.getState().edit(() => document, t("take theirs"));
}

/** One step of undo brings the other version back. Throws `NotAWorkflow` for what cannot be drawn. */
export function keepMine(store: EditorStore, saver: DraftSaver, theirs: Json): void {
  const { edit, history, select, selection, scope, enter, panel } = store.getState();
  const other = prepare(theirs);
  edit(() => other, t("what somebody else has saved"));
  edit(() => history.present, t("keep mine"));
  // What the other version lacks was selected no more.
  if (store.getState().scope !== scope) enter(scope);
  select(selection, panel);
  saver.keepMine();
}
