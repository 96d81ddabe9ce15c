/** The controls of flow control in plain words: what each does, how it begins, and what its present values come to. */

import type { Json, JsonObject } from "../../base/json";
import { isList, isObject } from "../../base/json";
import type { Message } from "../../locale/locale";
import { counted, t } from "../../locale/locale";
import { contract, workflowSettings } from "../contract";
import type { Schema } from "../schema";
import { resolve } from "../schema";
import type { ControlName } from "./values";
import { inWords, secondsOf } from "./values";

export interface Control {
  readonly name: ControlName;
  readonly title: Message;
  /** What it is for. */
  readonly purpose: Message;
  /** What it is when it is switched on. */
  readonly initial: Json;
}

export const CONTROLS: readonly Control[] = [
  {
    name: "concurrency",
    title: "Concurrency",
    purpose: "How much goes on at the same time. What is over the limit waits in a queue; nothing is lost.",
    initial: [{ limit: 5 }],
  },
  {
    name: "throttle",
    title: "Throttle",
    purpose: "Spaces the starts of runs evenly. What comes too early waits in order; nothing is lost.",
    initial: { limit: 10, period: "1m" },
  },
  {
    name: "rate_limit",
    title: "Rate limit",
    purpose: "Spaces the starts of runs evenly, and drops the events that come too early.",
    initial: { limit: 10, period: "1h" },
  },
  {
    name: "debounce",
    title: "Debounce",
    purpose: "Waits until no more events come, and starts one run with the last of them.",
    initial: { period: "30s" },
  },
  {
    name: "batch",
    title: "Batch",
    purpose: "Collects events, and starts one run with all of them.",
    initial: { max_size: 10, timeout: "1m" },
  },
  {
    name: "priority",
    title: "Priority",
    purpose: "Moves a run ahead of others that wait, by so many seconds. Without a queue it does nothing.",
    initial: "event.data.urgent == true ? 120 : 0",
  },
  {
    name: "singleton",
    title: "Singleton",
    purpose: "Allows one run at a time, from its start to its end.",
    initial: { mode: "skip" },
  },
  {
    name: "idempotency",
    title: "Idempotency",
    purpose: "Lets one event with a key start a run; others with the same key, for a time, start none.",
    initial: { key: "event.data.id" },
  },
];

const TITLES: Readonly<Record<string, Message>> = {
  limit: "Limit",
  period: "Period",
  burst: "At once",
  timeout: "At the latest after",
  older: "An event with an earlier time",
  most: "Most seconds, either way",
  max_size: "Events that fill it",
  mode: "What is counted",
  scope: "Shared by",
};

/** What holds where nothing is chosen. */
const DEFAULTS: Partial<Readonly<Record<string, Json>>> = {
  scope: "workflow",
  mode: "steps",
  burst: 1,
  older: "postpone",
  most: 600,
};

/** The schema of a control's fields, but for those that are expressions. */
export function plainSchema(name: ControlName): Schema {
  const settings = workflowSettings();
  const properties = isObject(settings.properties) ? settings.properties : {};
  const schema = resolve(name === "concurrency" ? { $ref: "#/$defs/concurrency" } : properties[name], contract());
  // Of several forms the panel edits the object.
  const forms = isList(schema.anyOf) ? schema.anyOf.filter(isObject) : [schema];
  const own = forms.find((form) => isObject(form.properties)) ?? {};
  const fields = Object.entries(isObject(own.properties) ? own.properties : {}).filter(([key]) => !isExpression(key));
  const titled = fields.map(([key, field]) => [
    key,
    { ...resolve(field, contract()), title: titleOf(name, key), ...defaultOf(name, key) },
  ]);
  const required = isList(own.required) ? own.required.filter((key) => !isExpression(String(key))) : [];
  return { type: "object", properties: Object.fromEntries(titled) as JsonObject, required };
}

/** What limits count that other tenants do, too. */
const OF_OTHERS: ReadonlySet<Json> = new Set(["environment", "installation"]);

/** The fields of a control without the scopes that need a permission, but for the one that is `chosen`. */
export function withoutSharing(schema: Schema, chosen: Json | undefined): Schema {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const { scope } = properties;
  if (!isObject(scope) || !isList(scope.enum)) return schema;
  const offered = scope.enum.filter((each) => each === chosen || !OF_OTHERS.has(each));
  return { ...schema, properties: { ...properties, scope: { ...scope, enum: offered } } };
}

/** Whether a key of a control holds an expression. */
export function isExpression(key: string): boolean {
  return key === "key" || key === "if" || key === "by";
}

function defaultOf(name: ControlName, key: string): JsonObject {
  const value = name === "singleton" ? undefined : DEFAULTS[key];
  return value === undefined ? {} : { default: value };
}

function titleOf(name: ControlName, key: string): string {
  if (name === "singleton") return t("Another event, meanwhile");
  const title = TITLES[key];
  return title === undefined ? key : t(title);
}

/** What a control with these values does, as a sentence; `undefined` as long as something is missing. */
export function sentenceOf(name: ControlName, value: Json | undefined): string | undefined {
  return isObject(value) ? SENTENCES[name]?.(value) : undefined;
}

const SENTENCES: Partial<Readonly<Record<ControlName, (value: JsonObject) => string | undefined>>> = {
  concurrency: concurrencySentence,
  throttle: (value) => {
    const apart = spacingOf(value);
    if (apart === undefined) return undefined;
    return t("About one start every {time}{more}. More wait in order.", {
      time: apart,
      more: atOnce(value) + perKey(value),
    });
  },
  rate_limit: (value) => {
    const apart = spacingOf(value);
    if (apart === undefined) return undefined;
    return t("At most one start every {time}{more}. Events that come sooner are dropped.", {
      time: apart,
      more: atOnce(value) + perKey(value),
    });
  },
  debounce: (value) => {
    const [period, timeout] = [secondsOf(value.period), secondsOf(value.timeout)];
    if (period === undefined) return undefined;
    const latest =
      timeout === undefined ? "" : t(", and {time} after the first one at the latest", { time: inWords(timeout) });
    return t("One run{more}, {time} after the last event{latest}.", {
      more: perKey(value),
      time: inWords(period),
      latest,
    });
  },
  batch: (value) => {
    const timeout = secondsOf(value.timeout);
    if (timeout === undefined || typeof value.max_size !== "number") return undefined;
    return t("One run{more} for up to {number} events, {time} after the first at the latest.", {
      more: perKey(value),
      number: value.max_size,
      time: inWords(timeout),
    });
  },
  idempotency: (value) => {
    if (typeof value.key !== "string") return undefined;
    return t("One run for each {key} within {time}.", {
      key: value.key,
      time: inWords(secondsOf(value.period) ?? 86_400),
    });
  },
};

const SHARED: Readonly<Record<string, Message>> = {
  tenant: "of all workflows of the tenant that have the same key",
  environment: "of all workflows of the environment that have the same key",
  installation: "of all workflows of the installation that have the same key",
};

function concurrencySentence(value: JsonObject): string | undefined {
  const { limit, mode, scope } = value;
  if (typeof limit !== "number") return undefined;
  if (limit === 0) return t("No limit.");
  const whose = t(SHARED[String(scope)] ?? "of this workflow");
  return mode === "runs"
    ? counted("At most {count} runs {whose} at a time, from start to end{more}.", limit, { whose, more: perKey(value) })
    : counted("At most {count} steps {whose} at the same time{more}.", limit, { whose, more: perKey(value) });
}

function spacingOf(value: JsonObject): string | undefined {
  const period = secondsOf(value.period);
  if (period === undefined || typeof value.limit !== "number" || value.limit < 1) return undefined;
  return inWords(period / value.limit);
}

function atOnce({ burst }: JsonObject): string {
  return typeof burst === "number" && burst > 1 ? t(", up to {number} at once", { number: burst }) : "";
}

function perKey(value: JsonObject): string {
  return typeof value.key === "string" ? t(" for each {key}", { key: value.key }) : "";
}
