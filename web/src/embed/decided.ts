/** What hosts are told of a decision. */

import type { Approval } from "../api/schema";
import type { HostEvents } from "../editor/host";

export function toldOf({ id, run_id, workflow_id, status }: Approval): HostEvents["decided"] {
  return { workflowId: workflow_id, runId: run_id, approvalId: id, status };
}
