/** Which controls cannot be switched on beside what is there, and why; the contract has the pairs. */

import type { JsonObject } from "../../base/json";
import { isList, isObject } from "../../base/json";
import type { WorkflowDocument } from "../../document/types";
import { locale, served, t } from "../../locale/locale";
import { workflowSettings } from "../contract";
import { kindOfTrigger, triggersOf } from "../triggers";
import { CONTROLS } from "./controls";
import type { ControlName } from "./values";

const EMPTY: JsonObject = {};

/** Why a control cannot be switched on, as a sentence; `undefined` if it can. */
export function whyNot(document: WorkflowDocument, name: ControlName): string | undefined {
  const settings = isObject(document.settings) ? document.settings : EMPTY;
  if (triggersOf(document).some((trigger) => kindOfTrigger(trigger) === "http"))
    return t("Not with a trigger by HTTP request, whose run starts at once.");
  const other = Object.keys(settings).find((key) => isThere(settings[key]) && reasonOf(name, key) !== undefined);
  if (other === undefined) return undefined;
  return t("Not with {other}: {reason}.", { other: titleOf(other), reason: served(reasonOf(name, other) ?? "") });
}

function reasonOf(one: string, other: string): string | undefined {
  return excludedBy(one)[other] ?? excludedBy(other)[one];
}

function excludedBy(name: string): Readonly<Record<string, string>> {
  const { properties } = workflowSettings();
  const schema = isObject(properties) ? properties[name] : undefined;
  const pairs = isObject(schema) ? schema["x-excludes"] : undefined;
  return isObject(pairs) ? (pairs as Readonly<Record<string, string>>) : {};
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null && !(isList(value) && value.length === 0);
}

function titleOf(name: string): string {
  const control = CONTROLS.find((each) => each.name === name);
  if (control === undefined) return t("events that cancel runs");
  return locale() === "en" ? control.title.toLowerCase() : t(control.title);
}
