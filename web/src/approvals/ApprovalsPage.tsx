import { Suspense, lazy, useCallback, useState } from "react";
import type { Approval } from "../api/schema";
import { api, useMay } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import { pathTo, useAddress } from "../shell/routes";
import { ago, fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { Further } from "../shell/ui/Further";
import { ListPage } from "../shell/ui/ListPage";
import { QuerySelect } from "../shell/ui/QueryField";

const DecisionDialog = lazy(() => import("./DecisionDialog").then((module) => ({ default: module.DecisionDialog })));
const STATUSES = ["open", "approved", "rejected", "expired", "cancelled"] as const;
/** The colour of each status, in the words of runs. */
const TONES: Readonly<Record<Approval["status"], string>> = {
  open: "waiting",
  approved: "completed",
  rejected: "failed",
  expired: "failed",
  cancelled: "cancelled",
};

/** What people are asked to decide. */
export function ApprovalsPage(): React.JSX.Element {
  const { query } = useAddress();
  const status = query.get("status") ?? "open";
  const cursor = query.get("cursor") ?? "";
  const load = useCallback(() => api.approvals({ cursor, ...(status === "any" ? {} : { status }) }), [status, cursor]);
  const { value: page, error, reload } = useLoaded(load);
  const [deciding, setDeciding] = useState<Approval | undefined>(undefined);
  return (
    <ListPage
      title="Approvals"
      error={error}
      onReload={reload}
      isEmpty={page === undefined}
      actions={
        <>
          <QuerySelect label="Status" name="status" value={status} options={[...STATUSES, "any"]} />
          <Button onClick={reload}>Refresh</Button>
        </>
      }
    >
      {page?.items.length === 0 && (
        <div className="empty">
          {status === "open" ? "Nobody has to decide anything." : "No approval is like this."}
        </div>
      )}
      <ul className="approvals">
        {page?.items.map((approval) => (
          <ApprovalCard key={approval.id} approval={approval} onDecide={() => setDeciding(approval)} />
        ))}
      </ul>
      {typeof page?.next_cursor === "string" && <Further cursor={page.next_cursor} />}
      {deciding !== undefined && (
        <Suspense>
          <DecisionDialog approval={deciding} onClose={() => setDeciding(undefined)} onDecided={reload} />
        </Suspense>
      )}
    </ListPage>
  );
}

interface ApprovalCardProps {
  readonly approval: Approval;
  readonly onDecide: () => void;
}

function ApprovalCard({ approval, onDecide }: ApprovalCardProps): React.JSX.Element {
  const isOpen = approval.status === "open";
  const mayDecide = useMay("approvals:decide");
  return (
    <li className="card approval" data-testid={`approval-${approval.id}`}>
      <div className="row">
        <h2 className="grow">{approval.title}</h2>
        <span className={`status status-${TONES[approval.status]}`}>{approval.status}</span>
      </div>
      {approval.description !== "" && <p className="approval-text">{approval.description}</p>}
      <p className="muted">
        <Link href={pathTo("runs", approval.run_id)}>{approval.workflow_id}</Link> · asked {ago(approval.created_at)}
        {isOpen && <> · until {fullTime(approval.expires_at)}</>}
        {approval.assignees.length > 0 && <> · asks {approval.assignees.join(", ")}</>}
        {approval.needed > 1 && <> · {approval.needed} have to approve</>}
      </p>
      {approval.decisions.map((decision) => (
        <p key={decision.actor} className="muted">
          {decision.actor} has {decision.decision} it{decision.comment === "" ? "" : `: ${decision.comment}`}
        </p>
      ))}
      {isOpen && mayDecide && (
        <div>
          <Button look="primary" testId="decide" onClick={onDecide}>
            Decide
          </Button>
        </div>
      )}
    </li>
  );
}
