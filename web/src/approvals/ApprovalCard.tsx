import { Suspense, lazy, useState } from "react";
import type { Approval } from "../api/schema";
import { counted, listed, t } from "../locale/locale";
import { ago, fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { statusText, TONES } from "./statuses";

const DecisionDialog = lazy(() => import("./DecisionDialog").then((module) => ({ default: module.DecisionDialog })));

interface ApprovalCardProps {
  readonly approval: Approval;
  /** What stands before the facts, such as where to find the run. */
  readonly source?: React.ReactNode;
  readonly mayDecide: boolean;
  readonly onDecided: (decided: Approval) => void;
  /** Told when the question is opened, and when it is closed. */
  readonly onDeciding?: (isDeciding: boolean) => void;
}

/** What is asked, of whom and until when; what was decided so far; and the way to decide it. */
export function ApprovalCard(props: ApprovalCardProps): React.JSX.Element {
  const { approval, source, mayDecide, onDecided, onDeciding } = props;
  const [isDeciding, setDeciding] = useState(false);
  const decide = (isOpen: boolean): void => {
    setDeciding(isOpen);
    onDeciding?.(isOpen);
  };
  return (
    <article className="card approval" aria-label={approval.title} data-testid={`approval-${approval.id}`}>
      <div className="row">
        <h2 className="grow">
          <bdi>{approval.title}</bdi>
        </h2>
        <span className={`status status-${TONES[approval.status]}`}>{statusText(approval.status)}</span>
      </div>
      {approval.description !== "" && (
        <p className="approval-text">
          <bdi>{approval.description}</bdi>
        </p>
      )}
      <p className="muted">
        {source}
        {factsOf(approval).join(" · ")}
      </p>
      {approval.decisions.map((decision) => (
        <p key={decision.actor} className="muted">
          {decidedText(decision)}
        </p>
      ))}
      {approval.status === "open" && mayDecide && (
        <div>
          <Button look="primary" testId="decide" onClick={() => decide(true)}>
            {t("Decide")}
          </Button>
        </div>
      )}
      {isDeciding && (
        <Suspense>
          <DecisionDialog approval={approval} onClose={() => decide(false)} onDecided={onDecided} />
        </Suspense>
      )}
    </article>
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
