import { useCallback, useEffect } from "react";
import type { ApiError } from "../api/client";
import { may } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { pathTo } from "../shell/routes";
import { Editor } from "./Editor";
import "./editor.css";
import { openEditor } from "./open";
import { t } from "../locale/locale";

/** The editor of one workflow, from loading on. */
export function EditorPage({ workflowId }: { readonly workflowId: string }): React.JSX.Element {
  const load = useCallback(() => openEditor(workflowId, { isReadOnly: !may("workflows:write") }), [workflowId]);
  const { value: opened, error, reload } = useLoaded(load);
  const title = opened?.workflow?.name ?? "";
  useEffect(() => {
    const before = document.title;
    if (title !== "") document.title = `${title} · Workflow Kit`;
    return () => {
      document.title = before;
    };
  }, [title]);
  if (opened !== undefined) return <Editor opened={opened} />;
  return error === undefined ? (
    <p className="page-loading">{t("Loading…")}</p>
  ) : (
    <Failed error={error} onRetry={reload} />
  );
}

function Failed({ error, onRetry }: { readonly error: ApiError; readonly onRetry: () => void }): React.JSX.Element {
  return (
    <main className="page">
      <div className="empty" role="alert">
        <h1>{error.status === 404 ? t("There is no such workflow") : t("The workflow cannot be shown")}</h1>
        {error.status !== 404 && <p>{error.message}</p>}
        <div className="row">
          <Button onClick={onRetry}>{t("Try again")}</Button>
          <Link className="button button-primary" href={pathTo("workflows")}>
            {t("All workflows")}
          </Link>
        </div>
      </div>
    </main>
  );
}
