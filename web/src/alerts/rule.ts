/** Alert rules as people read and write them. Pure. */

import type { Alert, AlertRule } from "../api/schema";
import type { JsonObject } from "../base/json";
import type { Message } from "../locale/locale";
import { counted } from "../locale/locale";

export type Kind = Alert["condition"]["kind"];

export const KIND_LABELS: Readonly<Record<Kind, Message>> = {
  failure_count: "Runs failed",
  failure_rate: "A part of the runs failed",
  consecutive_failures: "Runs failed one after the other",
};

/** What is offered, in seconds. */
export const SPANS: readonly number[] = [60, 300, 900, 3600, 21_600, 86_400];

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
  const time = spanText(window_seconds);
  if (condition.kind === "failure_rate") {
    const percent = Math.round((condition.rate ?? 0) * 100);
    return counted("{percent} % of at least {count} runs fail within {time}", condition.min_runs ?? 1, {
      percent,
      time,
    });
  }
  const failures = condition.failures ?? 1;
  return condition.kind === "consecutive_failures"
    ? counted("{count} failed runs in a row within {time}", failures, { time })
    : counted("{count} failed runs within {time}", failures, { time });
}

/** A span of time in the largest unit that it is made of. */
export function spanText(seconds: number): string {
  if (seconds % 86_400 === 0) return counted("{count} days", seconds / 86_400);
  if (seconds % 3600 === 0) return counted("{count} hours", seconds / 3600);
  return seconds % 60 === 0 ? counted("{count} minutes", seconds / 60) : counted("{count} seconds", seconds);
}
