import { useCallback, useState } from "react";
import type { Job, JobCount, NewJob } from "../api/schema";
import { api } from "../api/session";
import { useLoaded } from "../api/useLoaded";
import type { JsonObject } from "../base/json";
import { counted, t } from "../locale/locale";
import { fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { LabelledField } from "../shell/ui/LabelledField";
import { useBusy } from "../shell/useBusy";
import { statusText } from "./statuses";

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

/** What is done: to runs, or for events that started none. */
type Kind = NewJob["kind"] | "skipped";
/** The reasons for which events were skipped that are made up for. */
const SKIPPED = ["drained", "paused", "archived", "disabled"];
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
      const how = {
        ...(kind === "cancel" ? {} : { rate_per_second: Number(rate) }),
        ...(kind === "replay" ? { version } : {}),
      };
      const why = reason.trim() === "" ? {} : { reason: reason.trim() };
      const job = await api.send<Job>("POST", "/jobs", { ...chosen(kind, filter), ...how, ...why });
      onBegun(job.id);
      onClose();
    });
  const isReady = matched !== undefined && matched > 0 && (kind === "cancel" || Number(rate) > 0);
  return (
    <Dialog
      title={t("Act on many runs")}
      onClose={onClose}
      testId="bulk"
      footer={
        <>
          <Button onClick={onClose}>{t("Close")}</Button>
          <Button
            look={kind === "cancel" ? "danger" : "primary"}
            testId="begin-job"
            disabled={isBusy || !isReady}
            onClick={start}
          >
            {beginText(kind, matched)}
          </Button>
        </>
      }
    >
      <div className="stack">
        <p className="callout" data-testid="bulk-count" aria-live="polite">
          {count.error?.message ?? (matched === undefined ? t("Counting…") : countText(matched, kind, filter))}
        </p>
        <LabelledField label={t("What to do")}>
          <select
            className="input"
            data-autofocus
            value={kind}
            onChange={(event) => setKind(event.target.value as Kind)}
          >
            <option value="cancel">{t("Cancel them")}</option>
            <option value="replay">{t("Repeat them from their events")}</option>
            <option value="skipped">
              {t("Start what was skipped while paused, drained, archived or switched off")}
            </option>
          </select>
        </LabelledField>
        {kind !== "cancel" && (
          <div className="fields-beside">
            <LabelledField label={t("Runs per second")}>
              <input
                className="input"
                type="number"
                min={1}
                value={rate}
                onChange={(event) => setRate(event.target.value)}
              />
            </LabelledField>
            {kind === "replay" && (
              <LabelledField label={t("On the version")}>
                <select className="input" value={version} onChange={(event) => setVersion(event.target.value)}>
                  <option value="original">{t("on which they ran")}</option>
                  <option value="latest">{t("that is the latest")}</option>
                </select>
              </LabelledField>
            )}
          </div>
        )}
        <LabelledField label={t("Why")} help={t("Kept with the runs")}>
          <input className="input" maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
        </LabelledField>
      </div>
    </Dialog>
  );
}

function chosen(kind: Kind, filter: BulkFilter): JsonObject {
  return {
    ...(kind === "skipped" ? { kind: "replay", skipped: SKIPPED } : { kind }),
    ...(filter.status === "" || kind === "skipped" ? {} : { statuses: [filter.status] }),
    ...(filter.workflowId === "" ? {} : { workflow_id: filter.workflowId }),
    ...(filter.createdAfter === "" ? {} : { created_after: filter.createdAfter }),
  };
}

function beginText(kind: Kind, matched: number | undefined): string {
  if (matched === undefined) return t("Counting…");
  if (kind === "skipped") return counted("Start {count} events", matched);
  return kind === "cancel" ? counted("Cancel {count} runs", matched) : counted("Repeat {count} runs", matched);
}

/** How many runs these are, and which. */
function countText(count: number, kind: Kind, { status, workflowId, createdAfter }: BulkFilter): string {
  const unnamed = kind === "cancel" ? t("not ended") : statusText("failed");
  const runs = [
    counted("{count} runs", count),
    t("Status: {status}", { status: status === "" ? unnamed : statusText(status) }),
  ];
  const facts = [
    ...(kind === "skipped" ? [counted("{count} skipped events", count)] : runs),
    workflowId === "" ? t("of all workflows") : t("of {name}", { name: workflowId }),
    ...(createdAfter === "" ? [] : [t("since {time}", { time: fullTime(createdAfter) })]),
  ];
  return facts.join(" · ");
}
