/** What is done with a whole document: files, and a workflow that begins with it. What goes wrong is told in a notice. */

import { asApiError } from "../api/useLoaded";
import type { Json } from "../base/json";
import { toJson } from "../document/read";
import { t } from "../locale/locale";
import { notify } from "../shell/notices";
import { duplicate } from "../workflows/duplicate";
import { chooseFile, downloadJson } from "./files";
import type { OpenedEditor } from "./open";
import { prepare } from "./prepare";

export function exportFile({ store }: OpenedEditor): void {
  const { workflowId, history } = store.getState();
  downloadJson(`${workflowId}.json`, toJson(history.present));
}

/** Puts a document from a file in the place of the draft: one step, which can be undone. */
export async function importFile({ store }: OpenedEditor): Promise<void> {
  const text = await chooseFile();
  try {
    const document = prepare(JSON.parse(text) as Json);
    store.getState().edit(() => document, t("import a file"));
    store.getState().enter([]);
    notify(t("Imported. Undo brings back what was there."));
  } catch (reason) {
    notify(t("The file cannot be used: {reason}", { reason: asApiError(reason).message }), "error");
  }
}

/** Makes a workflow of what is on the screen, which is saved first, and opens it. */
export async function duplicateDraft({ store, saver }: OpenedEditor): Promise<void> {
  const saved = await saver?.flush();
  if (saved?.kind !== "saved") return notify(t("It was not duplicated, because it could not be saved."), "error");
  const { workflowId, history } = store.getState();
  try {
    return await duplicate(workflowId, history.present.name ?? "");
  } catch (reason) {
    return notify(asApiError(reason).message, "error");
  }
}
