import { useCallback, useEffect, useState } from "react";
import type { Approval } from "../api/schema";
import { api } from "../api/session";
import { usePolled } from "../api/usePolled";
import type { Tell } from "../editor/host";
import { toldOf } from "../embed/decided";
import { EmbedPage, NotShown } from "../embed/EmbedPage";
import { t } from "../locale/locale";
import { ApprovalCard } from "./ApprovalCard";

const PERIOD_MS = 5000;
/** As many as the server lists at a time. */
const MOST = 100;

export interface EmbeddedApprovalsProps {
  readonly workflowId: string;
  /** Only what this run asks; then also what is decided already. */
  readonly runId: string | undefined;
  readonly isReadOnly: boolean;
  readonly tell: Tell;
}

/** What the user of a host's page is asked to decide. */
export function EmbeddedApprovals(props: EmbeddedApprovalsProps): React.JSX.Element {
  const { workflowId, runId, isReadOnly, tell } = props;
  const [isDeciding, setDeciding] = useState(false);
  const load = useCallback(() => api.approvals(filterFor(workflowId, runId)), [workflowId, runId]);
  // Whoever is deciding keeps what they are looking at, whatever others do meanwhile.
  const { value, error, reload } = usePolled(load, PERIOD_MS, !isDeciding);
  useEffect(() => {
    if (error !== undefined) tell("error", { code: error.code, message: error.message });
  }, [error, tell]);
  const onDecided = (decided: Approval): void => {
    tell("decided", toldOf(decided));
    reload();
  };
  return (
    <EmbedPage>
      {value === undefined && error === undefined && <p className="page-loading">{t("Loading…")}</p>}
      {value === undefined && error !== undefined && (
        <NotShown title={t("The approvals cannot be shown")} error={error} onRetry={reload} />
      )}
      {value?.items.length === 0 && <div className="empty">{t("Nothing waits for you.")}</div>}
      {value !== undefined && value.items.length > 0 && (
        <ul className="approvals embed-approvals" aria-label={t("Approvals")}>
          {value.items.map((approval) => (
            <li key={approval.id}>
              <ApprovalCard
                approval={approval}
                mayDecide={!isReadOnly}
                onDeciding={setDeciding}
                onDecided={onDecided}
              />
            </li>
          ))}
        </ul>
      )}
    </EmbedPage>
  );
}

function filterFor(workflowId: string, runId: string | undefined): Parameters<typeof api.approvals>[0] {
  const wanted = { limit: String(MOST), ...(workflowId === "" ? {} : { workflow_id: workflowId }) };
  return runId === undefined ? { ...wanted, status: "open" } : { ...wanted, run_id: runId };
}
