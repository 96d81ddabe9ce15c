import { useState } from "react";
import type { RunDetail } from "../api/schema";
import { useMay } from "../api/session";
import { t } from "../locale/locale";
import { pathTo } from "../shell/routes";
import { ago, duration, fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { Icon } from "../shell/ui/Icon";
import { Link } from "../shell/ui/Link";
import { CancelDialog } from "./CancelDialog";
import { RerunDialog } from "./RerunDialog";
import { Status } from "./Status";
import { isTerminal } from "./watch";

interface RunHeaderProps {
  readonly run: RunDetail;
  readonly now: number;
  readonly onChange: () => void;
}

/** What run it is, where it stands, and what can be done with all of it. */
export function RunHeader({ run, now, onChange }: RunHeaderProps): React.JSX.Element {
  const [dialog, setDialog] = useState<"cancel" | "rerun" | undefined>(undefined);
  const name = run.workflow_name === "" ? run.workflow_id : run.workflow_name;
  const mayAct = useMay("runs:write");
  const isFunction = run.workflow_id.includes("/");
  return (
    <header className="run-header">
      <Link className="icon-button" href={pathTo("runs")} aria-label={t("All runs")} title={t("All runs")}>
        <Icon name="arrowLeft" size={18} />
      </Link>
      <h1 dir="auto">{name}</h1>
      <span className="tag">v{run.version}</span>
      <Status status={run.status} />
      <span className="muted run-when" title={fullTime(run.created_at)}>
        {ago(run.created_at, now)} · {tookText(run, now)}
      </span>
      <span className="grow" />
      {mayAct && !isTerminal(run.status) && (
        <Button icon="stop" look="danger" testId="cancel-run" onClick={() => setDialog("cancel")}>
          {t("Cancel")}
        </Button>
      )}
      {mayAct && run.path === null && (
        <Button icon="redo" testId="rerun" onClick={() => setDialog("rerun")}>
          {t("Run again")}
        </Button>
      )}
      {!isFunction && (
        <Link
          className="button"
          href={`${pathTo("workflows", run.workflow_id)}?sample=${run.id}`}
          title={t("Its values become the previews there")}
          data-testid="open-editor"
        >
          <Icon name="pencil" />
          {t("Open in editor")}
        </Link>
      )}
      {dialog === "cancel" && (
        <CancelDialog runId={run.id} onClose={() => setDialog(undefined)} onCancelled={onChange} />
      )}
      {dialog === "rerun" && <RerunDialog run={run} step={undefined} onClose={() => setDialog(undefined)} />}
    </header>
  );
}

function tookText(run: RunDetail, now: number): string {
  if (run.started_at === null) return isTerminal(run.status) ? t("never began") : t("not begun");
  const end = run.finished_at === null ? now : Date.parse(run.finished_at);
  const length = duration(Math.max(end - Date.parse(run.started_at), 0));
  return run.finished_at === null ? t("for {time}", { time: length }) : t("took {time}", { time: length });
}
