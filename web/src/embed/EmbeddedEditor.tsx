import { useCallback, useEffect, useMemo } from "react";
import { useLoaded } from "../api/useLoaded";
import { Editor } from "../editor/Editor";
import "../editor/editor.css";
import type { EditorHost, Tell } from "../editor/host";
import type { OpenedEditor } from "../editor/open";
import { openEditor } from "../editor/open";
import { direction, locale, t } from "../locale/locale";
import { Notices } from "../shell/Notices";
import { Button } from "../shell/ui/Button";
import { startTelling } from "./telling";

interface EmbeddedEditorProps {
  readonly workflowId: string;
  readonly isReadOnly: boolean;
  readonly mayPublish: boolean;
  readonly tell: Tell;
  readonly onOpened: (opened: OpenedEditor) => void;
}

/** The editor of one workflow inside a host's page. */
export function EmbeddedEditor(props: EmbeddedEditorProps): React.JSX.Element {
  const { workflowId, isReadOnly, mayPublish, tell, onOpened } = props;
  const load = useCallback(() => openEditor(workflowId, { isReadOnly }), [workflowId, isReadOnly]);
  const { value: opened, error, reload } = useLoaded(load);
  const host = useMemo<EditorHost>(() => ({ isEmbedded: true, mayPublish, tell }), [mayPublish, tell]);
  useEffect(() => {
    if (opened === undefined) return undefined;
    onOpened(opened);
    return startTelling(opened.store, tell);
    // oxlint-disable-next-line react/exhaustive-deps -- whoever draws again wants to be told once
  }, [opened, tell]);
  useEffect(() => {
    if (error !== undefined) tell("error", { code: error.code, message: error.message });
  }, [error, tell]);
  return (
    <div className="embed-page" lang={locale()} dir={direction()}>
      {opened !== undefined && <Editor opened={opened} host={host} />}
      {opened === undefined && error === undefined && <p className="page-loading">{t("Loading…")}</p>}
      {opened === undefined && error !== undefined && (
        <div className="empty" role="alert">
          <h2>{error.status === 404 ? t("There is no such workflow") : t("The workflow cannot be shown")}</h2>
          <p>{error.message}</p>
          <Button onClick={reload}>{t("Try again")}</Button>
        </div>
      )}
      <Notices />
    </div>
  );
}
