import { Suspense, lazy, useCallback, useState } from "react";
import type { Approval } from "../api/schema";
import type { Message } from "../locale/locale";
import { api, useMay } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import { counted, listed, t } from "../locale/locale";
import { pathTo, useAddress } from "../shell/routes";
import { ago, fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { Link } from "../shell/ui/Link";
import { Further } from "../shell/ui/Further";
import { ListPage } from "../shell/ui/ListPage";
import { QuerySelect } from "../shell/ui/QueryField";

const DecisionDialog = lazy(() => import("./DecisionDialog").then((module) => ({ default: module.DecisionDialog })));
/** The colour of each status, in the words of runs. */
const TONES: Readonly<Record<Approval["status"], string>> = {
  open: "waiting",
  approved: "completed",
  rejected: "failed",
  expired: "failed",
  cancelled: "cancelled",
};

/** What the list can be filtered by, and what is said of it. */
const WORDS: Readonly<Record<Approval["status"] | "any", Message>> = {
  open: "open",
  approved: "approved",
  rejected: "rejected",
  expired: "expired",
  cancelled: "cancelled",
  any: "any",
};

function wordFor(status: string): string {
  return t(WORDS[status as keyof typeof WORDS]);
}

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
      title={t("Approvals")}
      error={error}
      onReload={reload}
      isEmpty={page === undefined}
      actions={
        <>
          <QuerySelect
            label={t("Status")}
            name="status"
            value={status}
            options={Object.keys(WORDS)}
            labelOf={wordFor}
          />
          <Button onClick={reload}>{t("Refresh")}</Button>
        </>
      }
    >
      {page?.items.length === 0 && (
        <div className="empty">
          {status === "open" ? t("Nobody has to decide anything.") : t("No approval is like this.")}
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
        <span className={`status status-${TONES[approval.status]}`}>{wordFor(approval.status)}</span>
      </div>
      {approval.description !== "" && <p className="approval-text">{approval.description}</p>}
      <p className="muted">
        <Link href={pathTo("runs", approval.run_id)}>{approval.workflow_id}</Link> · {factsOf(approval).join(" · ")}
      </p>
      {approval.decisions.map((decision) => (
        <p key={decision.actor} className="muted">
          {decidedText(decision)}
        </p>
      ))}
      {isOpen && mayDecide && (
        <div>
          <Button look="primary" testId="decide" onClick={onDecide}>
            {t("Decide")}
          </Button>
        </div>
      )}
    </li>
  );
}

function factsOf({ status, created_at, expires_at, assignees, needed }: Approval): readonly string[] {
  return [
    t("asked {when}", { when: ago(created_at) }),
    ...(status === "open" ? [t("until {time}", { time: fullTime(expires_at) })] : []),
    ...(assignees.length > 0 ? [t("asks {names}", { names: listed(assignees) })] : []),
    ...(needed > 1 ? [counted("{count} have to approve", needed)] : []),
  ];
}

function decidedText({ actor, decision, comment }: Approval["decisions"][number]): string {
  const text =
    decision === "approved"
      ? t("{name} has approved it", { name: actor })
      : t("{name} has rejected it", { name: actor });
  return comment === "" ? text : `${text}: ${comment}`;
}
