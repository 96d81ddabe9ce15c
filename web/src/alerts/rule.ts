/** Alert rules as people read and write them. Pure. */

import type { Alert, AlertRule } from "../api/schema";
import type { JsonObject } from "../base/json";

export type Kind = Alert["condition"]["kind"];

export const KIND_LABELS: Readonly<Record<Kind, string>> = {
  failure_count: "Runs failed",
  failure_rate: "A part of the runs failed",
  consecutive_failures: "Runs failed one after the other",
};

export const SPANS: readonly { readonly seconds: number; readonly label: string }[] = [
  { seconds: 60, label: "1 minute" },
  { seconds: 300, label: "5 minutes" },
  { seconds: 900, label: "15 minutes" },
  { seconds: 3600, label: "1 hour" },
  { seconds: 21_600, label: "6 hours" },
  { seconds: 86_400, label: "1 day" },
];

/** What the form holds: texts, as they are typed. */
export interface RuleForm {
  readonly name: string;
  readonly workflowId: string;
  readonly kind: Kind;
  readonly failures: string;
  readonly percent: string;
  readonly minRuns: string;
  readonly windowSeconds: number;
  readonly quietSeconds: number;
  readonly isEnabled: boolean;
}

export const NEW_RULE: RuleForm = {
  name: "",
  workflowId: "",
  kind: "failure_count",
  failures: "10",
  percent: "50",
  minRuns: "10",
  windowSeconds: 300,
  quietSeconds: 300,
  isEnabled: true,
};

export function formOf(alert: Alert): RuleForm {
  const { condition } = alert;
  return {
    name: alert.name,
    workflowId: alert.workflow_id ?? "",
    kind: condition.kind,
    failures: String(condition.failures ?? NEW_RULE.failures),
    percent: condition.rate === undefined ? NEW_RULE.percent : String(Number((condition.rate * 100).toFixed(2))),
    minRuns: String(condition.min_runs ?? NEW_RULE.minRuns),
    windowSeconds: alert.window_seconds,
    quietSeconds: alert.quiet_seconds,
    isEnabled: alert.enabled,
  };
}

/** The rule that a form describes. A text that is no number is left for the server to refuse at its place. */
export function ruleOf(form: RuleForm): JsonObject {
  const condition =
    form.kind === "failure_rate"
      ? { kind: form.kind, rate: Number(form.percent) / 100, min_runs: Number(form.minRuns) }
      : { kind: form.kind, failures: Number(form.failures) };
  return {
    name: form.name.trim(),
    workflow_id: form.workflowId === "" ? null : form.workflowId,
    condition,
    window_seconds: form.windowSeconds,
    quiet_seconds: form.quietSeconds,
    enabled: form.isEnabled,
  } satisfies AlertRule;
}

/** "10 failed runs within 5 minutes" */
export function conditionText({ condition, window_seconds }: Pick<Alert, "condition" | "window_seconds">): string {
  const within = `within ${spanText(window_seconds)}`;
  if (condition.kind === "failure_rate")
    return `${Math.round((condition.rate ?? 0) * 100)} % of at least ${condition.min_runs ?? 1} runs fail ${within}`;
  const failures = `${condition.failures ?? 1} failed runs`;
  return condition.kind === "consecutive_failures" ? `${failures} in a row ${within}` : `${failures} ${within}`;
}

export function spanText(seconds: number): string {
  const known = SPANS.find((span) => span.seconds === seconds);
  if (known !== undefined) return known.label;
  return seconds % 60 === 0 ? `${seconds / 60} minutes` : `${seconds} seconds`;
}
