/** The triggers of a workflow: a list, or a single one beside it. */

import type { JsonObject } from "../base/json";
import type { WorkflowDocument } from "../document/types";
import { t } from "../locale/locale";

/** Each kind of trigger, by the key that says so. */
export const TRIGGER_KINDS = ["event", "cron", "webhook", "manual", "http"] as const;
export type TriggerKind = (typeof TRIGGER_KINDS)[number];

/** All triggers, the single one first. */
export function triggersOf(document: WorkflowDocument): readonly JsonObject[] {
  return [...(document.trigger === undefined ? [] : [document.trigger]), ...(document.triggers ?? [])];
}

/** The name of the first event that starts a workflow, as far as it is one name; "" for none. */
export function firstEventName(document: WorkflowDocument): string {
  const names = triggersOf(document).map(({ event }) => event);
  const found = names.find((name) => typeof name === "string" && name !== "" && !name.includes("*"));
  return typeof found === "string" ? found : "";
}

/** The document with other triggers; from the first change on they are one list. */
export function withTriggers(document: WorkflowDocument, triggers: readonly JsonObject[]): WorkflowDocument {
  const { trigger: _, ...rest } = document;
  return { ...rest, triggers };
}

export function kindOfTrigger(trigger: JsonObject): TriggerKind | undefined {
  return TRIGGER_KINDS.find((kind) => kind in trigger);
}

/** What starts a workflow, a line for each trigger. */
export function triggerLines(document: WorkflowDocument): readonly string[] {
  return triggersOf(document).map(triggerLine);
}

export function triggerLine(trigger: JsonObject): string {
  const kind = kindOfTrigger(trigger);
  if (kind === "event" || kind === "cron") {
    const text = String(trigger[kind]);
    return text === "" ? { event: t("An event without a name"), cron: t("A schedule without a time") }[kind] : text;
  }
  if (kind === "webhook") return t("Webhook {name}", { name: String(trigger.webhook) });
  if (kind === "manual") return t("By hand");
  return kind === "http" ? t("HTTP request") : t("A trigger of an unknown kind");
}
