import { api } from "../api/session";
import { t } from "../locale/locale";
import { navigate, pathTo } from "../shell/routes";

/** Longest name that the server takes. */
const MOST_CHARS = 200;
/** They keep names apart on the screen, and are no part of one. */
const ISOLATES = /[\u2068\u2069]/g;

/** Makes a workflow that begins with the draft of another one, and opens it. Throws an `ApiError`. */
export async function duplicate(id: string, name: string): Promise<void> {
  const wanted = t("Copy of {name}", { name: name === "" ? id : name }).replaceAll(ISOLATES, "");
  const copy = await api.duplicateWorkflow(id, [...wanted].slice(0, MOST_CHARS).join(""));
  navigate(pathTo("workflows", copy.id));
}
