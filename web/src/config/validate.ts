/** Checking values against their schema while somebody types. The server checks again, and has the last word. */

import type { OutputUnit } from "@cfworker/json-schema";
import { Validator } from "@cfworker/json-schema";
import type { Json } from "../base/json";
import { fromPointer, isList, isObject } from "../base/json";
import { hasReference } from "../document/references";
import type { Schema } from "./schema";

/** Keywords whose errors only say that something inside is wrong. */
const OUTER = new Set([
  "properties",
  "additionalProperties",
  "items",
  "prefixItems",
  "$ref",
  "allOf",
  "if",
  "then",
  "else",
  "patternProperties",
  "unevaluatedProperties",
]);

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "yes or no",
  array: "a list",
  object: "an object",
  null: "nothing",
};

const validators = new WeakMap<Schema, Validator>();

/** What is wrong with a value, by the pointer of the place. What a reference will replace is not checked. */
export function validate(schema: Schema, value: Json): ReadonlyMap<string, string> {
  let validator = validators.get(schema);
  if (validator === undefined) {
    validator = new Validator(schema as never, "2020-12", false);
    validators.set(schema, validator);
  }
  const messages = new Map<string, string>();
  for (const unit of validator.validate(value).errors) {
    if (OUTER.has(unit.keyword) || isInsideChoice(unit)) continue;
    const pointer = unit.instanceLocation.replace(/^#/, "");
    const subject = read(value, pointer);
    if (subject === undefined || hasReference(subject) || messages.has(pointer)) continue;
    if (unit.keyword === "required") continue;
    messages.set(pointer, messageOf(unit, schema));
  }
  return messages;
}

/** Errors of the single forms of a choice say less than the one of the choice itself. */
function isInsideChoice({ keyword, keywordLocation }: OutputUnit): boolean {
  return /\/(anyOf|oneOf)\/\d/.test(keywordLocation) && keyword !== "anyOf" && keyword !== "oneOf";
}

function read(value: Json, pointer: string): Json | undefined {
  let here: Json | undefined = value;
  for (const key of fromPointer(pointer)) {
    if (isList(here)) here = here[Number(key)];
    else here = isObject(here) ? here[key] : undefined;
  }
  return here;
}

/** What to say for a keyword, given what it demands. */
const MESSAGES: Readonly<Record<string, (limit: Json | undefined) => string>> = {
  type: (limit) => `This must be ${typeWords(limit)}.`,
  enum: () => "This is none of the allowed values.",
  const: (limit) => `This must be ${JSON.stringify(limit)}.`,
  minimum: (limit) => `This must be at least ${String(limit)}.`,
  maximum: (limit) => `This must be at most ${String(limit)}.`,
  exclusiveMinimum: (limit) => `This must be more than ${String(limit)}.`,
  exclusiveMaximum: (limit) => `This must be less than ${String(limit)}.`,
  minLength: (limit) => (limit === 1 ? "This must not be empty." : `This needs at least ${String(limit)} characters.`),
  maxLength: (limit) => `This may have at most ${String(limit)} characters.`,
  minItems: (limit) => `This needs at least ${String(limit)} entries.`,
  maxItems: (limit) => `This may have at most ${String(limit)} entries.`,
  pattern: () => "This does not have the right form.",
  format: (limit) => `This is not a valid ${String(limit)}.`,
  anyOf: () => "This has none of the forms that are allowed here.",
  oneOf: () => "This has none of the forms that are allowed here.",
};

function messageOf({ keyword, keywordLocation, error }: OutputUnit, schema: Schema): string {
  return MESSAGES[keyword]?.(read(schema, keywordLocation.replace(/^#/, ""))) ?? error;
}

function typeWords(limit: Json | undefined): string {
  const types = isList(limit) ? limit : [limit ?? ""];
  return types.map((type) => TYPE_WORDS[String(type)] ?? String(type)).join(" or ");
}
