import { useCallback } from "react";
import type { Approval, RunDetail, Step } from "../api/schema";
import { api } from "../api/session";
import { usePolled } from "../api/usePolled";
import { ApprovalCard } from "./ApprovalCard";

/** Decisions of several people change nothing in the run before the last of them. */
const PERIOD_MS = 5000;

interface StepApprovalsProps {
  readonly run: Pick<RunDetail, "id">;
  readonly step: Pick<Step, "id" | "status">;
  readonly mayDecide: boolean;
  readonly onDecided?: (decided: Approval) => void;
}

/** What a step of a run asks people, to be decided where the run is looked at. */
export function StepApprovals({ run, step, mayDecide, onDecided }: StepApprovalsProps): React.JSX.Element | null {
  const load = useCallback(() => api.approvals({ run_id: run.id }), [run.id]);
  const { value, reload } = usePolled(load, PERIOD_MS, step.status === "waiting");
  const asked = value?.items.filter((approval) => approval.step === step.id) ?? [];
  if (asked.length === 0) return null;
  return (
    <ul className="approvals">
      {asked.map((approval) => (
        <li key={approval.id}>
          <ApprovalCard
            approval={approval}
            mayDecide={mayDecide}
            onDecided={(decided) => {
              onDecided?.(decided);
              reload();
            }}
          />
        </li>
      ))}
    </ul>
  );
}
