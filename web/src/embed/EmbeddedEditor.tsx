import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useLoaded } from "../api/useLoaded";
import type { Json } from "../base/json";
import { isEqual } from "../base/json";
import { toJson } from "../document/read";
import { Editor } from "../editor/Editor";
import "../editor/editor.css";
import type { EditorHost, Tell } from "../editor/host";
import type { OpenedEditor } from "../editor/open";
import { openEditor, openGiven } from "../editor/open";
import { prepare } from "../editor/prepare";
import { t } from "../locale/locale";
import { EmbedPage, NotShown } from "./EmbedPage";
import { Telling } from "./telling";

export interface EmbeddedEditorProps {
  readonly workflowId: string;
  readonly isReadOnly: boolean;
  readonly mayPublish: boolean;
  /** The document, where the host keeps it. Another one is shown in the place of what there is. */
  readonly given: Json | undefined;
  /** What the list of actions offers: see `Catalogue`. */
  readonly offered: readonly string[];
  readonly tell: Tell;
  readonly onOpened: (opened: OpenedEditor) => void;
}

/** The editor of one workflow inside a host's page. */
export function EmbeddedEditor(props: EmbeddedEditorProps): React.JSX.Element {
  const { workflowId, isReadOnly, mayPublish, given, offered, tell, onOpened } = props;
  // With what it is opened counts once; later documents are taken over.
  const [{ first, options }] = useState(() => ({ first: given, options: { isReadOnly, offered } }));
  const load = useCallback(
    () => (first === undefined ? openEditor(workflowId, options) : openGiven(workflowId, first, options)),
    [first, workflowId, options],
  );
  const { value: opened, error, reload } = useLoaded(load);
  const isKeeper = first !== undefined;
  const host = useMemo<EditorHost>(
    () => ({ isEmbedded: true, mayPublish, isKeeper, tell }),
    [mayPublish, isKeeper, tell],
  );
  const telling = useRef<Telling>(undefined);
  useEffect(() => {
    if (opened === undefined) return undefined;
    onOpened(opened);
    telling.current = new Telling(opened.store, tell);
    return telling.current.stop;
    // oxlint-disable-next-line react/exhaustive-deps -- whoever draws again wants to be told once
  }, [opened, tell]);
  useEffect(() => {
    if (opened !== undefined && given !== undefined) take(opened, given, telling.current, tell);
  }, [opened, given, tell]);
  useEffect(() => {
    if (error !== undefined) tell("error", { code: error.code, message: error.message });
  }, [error, tell]);
  return (
    <EmbedPage>
      {opened !== undefined && <Editor opened={opened} host={host} />}
      {opened === undefined && error === undefined && <p className="page-loading">{t("Loading…")}</p>}
      {opened === undefined && error !== undefined && (
        <NotShown
          title={error.status === 404 ? t("There is no such workflow") : t("The workflow cannot be shown")}
          error={error}
          onRetry={reload}
        />
      )}
    </EmbedPage>
  );
}

/** Shows a document of the host's, unless it is what is on the screen: hosts give back what they are told. */
function take({ store }: OpenedEditor, given: Json, telling: Telling | undefined, tell: Tell): void {
  const present = store.getState().history.present;
  if (isEqual(given, toJson(present)) || telling?.hasJustTold(given) === true) return;
  try {
    const document = prepare(given);
    if (!isEqual(toJson(document), toJson(present))) telling?.take(document, t("a change of the page"));
  } catch (reason) {
    tell("error", { code: "not-a-workflow", message: String(reason) });
  }
}
