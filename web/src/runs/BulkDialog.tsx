import { useCallback, useState } from "react";
import type { Job, JobCount, NewJob } from "../api/schema";
import { api } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import type { JsonObject } from "../base/json";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { LabelledField } from "../shell/ui/LabelledField";
import { useBusy } from "../shell/useBusy";

/** Which runs: what the list is filtered by. */
export interface BulkFilter {
  readonly status: string;
  readonly workflowId: string;
  readonly createdAfter: string;
}

interface BulkDialogProps {
  readonly filter: BulkFilter;
  readonly onClose: () => void;
  /** Told the id of the job. */
  readonly onBegun: (jobId: string) => void;
}

type Kind = NewJob["kind"];
const DEFAULT_RATE = "20";

/** Cancels or repeats all runs of a filter, after it has said how many these are. */
export function BulkDialog({ filter, onClose, onBegun }: BulkDialogProps): React.JSX.Element {
  const [kind, setKind] = useState<Kind>("cancel");
  const [version, setVersion] = useState("original");
  const [rate, setRate] = useState(DEFAULT_RATE);
  const [reason, setReason] = useState("");
  const [isBusy, begin] = useBusy();
  const count = useLoaded(
    useCallback(() => api.send<JobCount>("POST", "/jobs/count", chosen(kind, filter)), [kind, filter]),
  );
  const matched = count.value?.matched_count;
  const start = (): void =>
    begin(async () => {
      const how = kind === "cancel" ? {} : { version, rate_per_second: Number(rate) };
      const why = reason.trim() === "" ? {} : { reason: reason.trim() };
      const job = await api.send<Job>("POST", "/jobs", { ...chosen(kind, filter), ...how, ...why });
      onBegun(job.id);
      onClose();
    });
  const isReady = matched !== undefined && matched > 0 && (kind === "cancel" || Number(rate) > 0);
  return (
    <Dialog
      title="Act on many runs"
      onClose={onClose}
      testId="bulk"
      footer={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button
            look={kind === "cancel" ? "danger" : "primary"}
            testId="begin-job"
            disabled={isBusy || !isReady}
            onClick={start}
          >
            {kind === "cancel" ? "Cancel" : "Repeat"} {matched ?? "…"} runs
          </Button>
        </>
      }
    >
      <div className="stack">
        <p className="callout" data-testid="bulk-count" aria-live="polite">
          {count.error?.message ?? (matched === undefined ? "Counting…" : countText(matched, kind, filter))}
        </p>
        <LabelledField label="What to do">
          <select
            className="input"
            data-autofocus
            value={kind}
            onChange={(event) => setKind(event.target.value as Kind)}
          >
            <option value="cancel">Cancel them</option>
            <option value="replay">Repeat them from their events</option>
          </select>
        </LabelledField>
        {kind === "replay" && (
          <div className="fields-beside">
            <LabelledField label="Runs per second">
              <input
                className="input"
                type="number"
                min={1}
                value={rate}
                onChange={(event) => setRate(event.target.value)}
              />
            </LabelledField>
            <LabelledField label="On the version">
              <select className="input" value={version} onChange={(event) => setVersion(event.target.value)}>
                <option value="original">on which they ran</option>
                <option value="latest">that is the latest</option>
              </select>
            </LabelledField>
          </div>
        )}
        <LabelledField label="Why" help="Kept with the runs">
          <input className="input" maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
        </LabelledField>
      </div>
    </Dialog>
  );
}

function chosen(kind: Kind, filter: BulkFilter): JsonObject {
  return {
    kind,
    ...(filter.status === "" ? {} : { statuses: [filter.status] }),
    ...(filter.workflowId === "" ? {} : { workflow_id: filter.workflowId }),
    ...(filter.createdAfter === "" ? {} : { created_after: filter.createdAfter }),
  };
}

function countText(count: number, kind: Kind, { status, workflowId, createdAfter }: BulkFilter): string {
  const state = status === "" ? (kind === "cancel" ? "that have not ended" : "that failed") : `that are ${status}`;
  const whose = workflowId === "" ? "of all workflows" : `of ${workflowId}`;
  const since = createdAfter === "" ? "" : `, since ${new Date(createdAfter).toLocaleString()}`;
  return `${count} runs ${state}, ${whose}${since}.`;
}
