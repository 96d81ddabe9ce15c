/** Webhooks as people read and write them: how they are verified, and what a delivery becomes. Pure. */

import type { DeliveryOutcome, Problem, TakenDelivery, Webhook, WebhookBody, WebhookTemplate } from "../api/schema";
import type { Json, JsonObject } from "../base/json";
import type { Message } from "../locale/locale";
import { t } from "../locale/locale";
import { reasonText } from "../runs/words";

/** How deliveries can be verified. */
export const PRESETS = ["none", "basic", "hmac", "svix", "stripe", "github", "slack", "shopify"] as const;
export type Preset = (typeof PRESETS)[number];

/** Schemes that have the name of who has made them up. */
const MAKERS: Readonly<Partial<Record<string, string>>> = {
  stripe: "Stripe",
  github: "GitHub",
  slack: "Slack",
  shopify: "Shopify",
  svix: "Svix",
};

/** Most secrets that can be in force at once. */
export const MOST_SECRETS = 5;

export function presetOf(verification: JsonObject): string {
  return typeof verification.preset === "string" ? verification.preset : "none";
}

/** A scheme, in a few words. */
export function presetText(preset: string): string {
  if (preset === "none") return t("Only by its URL");
  if (preset === "basic") return t("User name and password");
  return preset === "hmac" ? t("Signature (HMAC)") : t("Signature of {name}", { name: MAKERS[preset] ?? preset });
}

export function needsSecret(preset: string): boolean {
  return preset !== "none";
}

/** The parameters of a keyed hash, as they are typed. */
export interface HmacForm {
  readonly header: string;
  readonly algorithm: string;
  readonly encoding: string;
  readonly prefix: string;
  readonly timestamp_header: string;
  readonly timestamp_prefix: string;
  readonly separator: string;
}

export const NEW_HMAC: HmacForm = {
  header: "x-signature",
  algorithm: "sha256",
  encoding: "hex",
  prefix: "",
  timestamp_header: "",
  timestamp_prefix: "",
  separator: ".",
};

export function hmacOf(verification: JsonObject): HmacForm {
  const known = Object.keys(NEW_HMAC).filter((key) => typeof verification[key] === "string");
  return { ...NEW_HMAC, ...Object.fromEntries(known.map((key) => [key, String(verification[key])])) };
}

/** What the server is told: what is as it is anyway is left out. */
export function verificationOf(preset: string, hmac: HmacForm): JsonObject {
  if (preset !== "hmac") return { preset };
  const { timestamp_header: header, timestamp_prefix, separator, ...rest } = hmac;
  const signed = header.trim() === "" ? {} : { timestamp_header: header.trim(), timestamp_prefix, separator };
  return { preset, ...rest, header: rest.header.trim(), ...signed };
}

/** Everything that a change replaces, as it is; secrets stay if they are not named. */
export function settingsOf(webhook: Webhook): WebhookBody {
  const { verification, transform, event_names, cidrs, enabled } = webhook;
  return { verification, transform, event_names, cidrs, enabled };
}

/** The texts of a list with one on each line; `null` for none, which restricts nothing. */
export function linesOf(text: string): string[] | null {
  const lines = text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.length === 0 ? null : lines;
}

/** A transform, as it is typed: each part may be empty. */
export interface Mapping {
  readonly name: string;
  readonly data: string;
  readonly id: string;
  readonly ts: string;
  readonly if: string;
}

export type MappingPart = keyof Mapping;
export const MAPPING_PARTS: readonly MappingPart[] = ["name", "data", "id", "ts", "if"];

export function mappingOf(transform: JsonObject | null): Mapping {
  const parts = MAPPING_PARTS.map((part) => [part, textOf(transform?.[part])]);
  return Object.fromEntries(parts) as Record<MappingPart, string>;
}

function textOf(value: Json | undefined): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** The transform that was typed, `null` for the server's own; or what cannot be read of it. */
export function transformOf(
  mapping: Mapping,
): { readonly value: JsonObject | null } | { readonly unreadable: MappingPart } {
  const value: Record<string, Json> = {};
  for (const part of MAPPING_PARTS) {
    const text = mapping[part].trim();
    if (text === "") continue;
    if (part === "data" && text.startsWith("{")) {
      const read = readJson(text);
      if (read === undefined) return { unreadable: part };
      value[part] = read;
    } else value[part] = text;
  }
  return { value: Object.keys(value).length === 0 ? null : value };
}

/** What a text says as JSON; `undefined` if it is none. */
export function readJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** The part of a mapping that a problem of it, or of the event that it makes, is about. */
export function partOf(pointer: string): MappingPart | undefined {
  const found = /^(?:\/(?:transform|event))?\/(name|data|id|ts|if)(?:\/|$)/.exec(pointer)?.[1];
  return MAPPING_PARTS.find((part) => part === found);
}

/** The first problem of each part, and those that are about none. */
export function sorted(
  problems: readonly Problem[],
  say: (problem: Problem) => string,
): { readonly byPart: ReadonlyMap<MappingPart, string>; readonly others: readonly string[] } {
  const byPart = new Map<MappingPart, string>();
  const others: string[] = [];
  for (const problem of problems) {
    const part = partOf(problem.pointer);
    if (part === undefined) others.push(say(problem));
    else if (!byPart.has(part)) byPart.set(part, say(problem));
  }
  return { byPart, others };
}

/** A delivery to try, as it is typed. */
export interface Sample {
  readonly headers: string;
  readonly body: string;
}

export const OWN_SAMPLE: Sample = {
  headers: "",
  body: '{\n  "type": "order.paid",\n  "data": {\n    "id": "A-1"\n  }\n}',
};

export function sampleOf(template: WebhookTemplate): Sample {
  const headers = Object.entries(template.example_headers).map(([name, value]) => `${name}: ${String(value)}`);
  return { headers: headers.join("\n"), body: JSON.stringify(template.example_body, null, 2) };
}

/** The sample of a delivery that was taken; what is JSON is laid out. */
export function takenSample({ headers, raw }: TakenDelivery): Sample {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`);
  const body = readJson(raw);
  return { headers: lines.join("\n"), body: body === undefined ? raw : JSON.stringify(body, null, 2) };
}

/** The template that a webhook was made of, as far as that can be seen. */
export function templateOf(
  webhook: Pick<Webhook, "verification" | "transform">,
  templates: readonly WebhookTemplate[],
): WebhookTemplate | undefined {
  const preset = presetOf(webhook.verification);
  const fitting = templates.filter(({ verification }) => presetOf(verification) === preset);
  return fitting.find(({ transform }) => JSON.stringify(transform) === JSON.stringify(webhook.transform)) ?? fitting[0];
}

const HEADER = /^([\w-]+):[ \t]*(.*)$/;

/** The request that tries a sample; or what cannot be read of it. */
export function deliveryOf(
  sample: Sample,
): { readonly delivery: JsonObject } | { readonly unreadable: "headers" | "body" } {
  const headers: Record<string, string> = {};
  for (const line of sample.headers.split("\n").filter((each) => each.trim() !== "")) {
    const found = HEADER.exec(line.trim());
    if (found === null) return { unreadable: "headers" };
    headers[(found[1] ?? "").toLowerCase()] = found[2] ?? "";
  }
  const type = headers["content-type"];
  if (type !== undefined && !type.includes("json")) return { delivery: { headers, raw: sample.body } };
  if (sample.body.trim() === "") return { delivery: { headers } };
  const body = readJson(sample.body);
  return body === undefined ? { unreadable: "body" } : { delivery: { headers, body } };
}

type Status = DeliveryOutcome["status"];

export const STATUS_LABELS: Readonly<Record<Status, Message>> = {
  accepted: "accepted",
  duplicate: "duplicate",
  ignored: "ignored",
  refused: "refused",
};

/** How it looks: as runs and events of that kind do. */
export const STATUS_LOOKS: Readonly<Record<Status, string>> = {
  accepted: "completed",
  duplicate: "cancelled",
  ignored: "cancelled",
  refused: "failed",
};

const REASONS: Readonly<Record<string, Message>> = {
  "condition-false": "The condition of its mapping does not hold.",
  "event-name-not-allowed": "The webhook may not make an event of this name.",
  "no-event": "The application makes no event of it.",
  "no-tenant": "The application says that it is nobody's.",
  "sent-again": "The same delivery was taken before.",
  "missing-signature": "The header with the signature, or with the password, is missing.",
  "malformed-signature": "The signature cannot be read.",
  "wrong-signature": "The signature is not made with one of the secrets. Are they those of the sender?",
  "stale-signature": "The time in the signature is too far from ours.",
  "wrong-password": "User name or password are wrong.",
  "unsigned-method": "It came by GET, and a signature covers a body only.",
  "sender-not-allowed": "The address of the sender is in none of the networks that may send.",
  "webhook-disabled": "The webhook was switched off.",
  "unusable-delivery": "No event can be made of it.",
  "unreadable-body": "The body is neither JSON, nor a form, nor text.",
  "invalid-json": "The body is not JSON.",
  "limit-exceeded": "It is too large.",
};

/** Why a delivery did not become an event; "" if there is nothing to say. */
export function outcomeText({ status, reason }: Pick<DeliveryOutcome, "status" | "reason">): string {
  if (reason === null) return status === "duplicate" ? reasonText("duplicate") : "";
  const words = REASONS[reason];
  return words === undefined ? reason : t(words);
}

/** A URL that can be given away, of one that may be a path of this server. */
export function wholeUrl(url: string, origin: string): string {
  return url.startsWith("/") ? origin + url : url;
}

/** A secret that nobody guesses, to be given to the sender, too. */
export function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether both sides can agree on a secret, or the sender says what it is. */
export function canMakeSecret(preset: string): boolean {
  return preset === "github" || preset === "hmac";
}

/** A name that nothing has yet: "stripe", "stripe-2". */
export function freeName(wanted: string, taken: readonly string[]): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!taken.includes(name)) return name;
  }
}

/** Messages by the field that they are about: lists tell which line. */
export function messagesOf(
  problems: readonly Problem[],
  say: (problem: Problem) => string,
): ReadonlyMap<string, string> {
  const messages = new Map<string, string>();
  for (const problem of problems) {
    const [, field = "", key] = problem.pointer.split("/");
    const name = field === "verification" && key !== undefined ? key : field;
    if (!messages.has(name)) messages.set(name, say(problem));
  }
  return messages;
}
