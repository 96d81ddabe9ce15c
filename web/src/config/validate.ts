/** Checking values against their schema while somebody types. The server checks again, and has the last word. */

import type { OutputUnit } from "@cfworker/json-schema";
import { Validator, format } from "@cfworker/json-schema";
import { isDurationText } from "../base/durations";
import type { Json } from "../base/json";
import { fromPointer, isList, isObject } from "../base/json";
import { hasReference } from "../document/references";
import { secretName } from "../secrets/reference";
import type { Schema } from "./schema";
import { DURATION_FORMAT, meantForm, resolve } from "./schema";
import type { Message } from "../locale/locale";
import { counted, locale, t } from "../locale/locale";

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

const TYPE_WORDS: Readonly<Record<string, Message>> = {
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "yes or no",
  array: "a list",
  object: "an object",
  null: "nothing",
};

// Formats that it knows are one list for all validators.
format[DURATION_FORMAT] = isDurationText;

const validators = new WeakMap<Schema, Validator>();

/** What is wrong with a value, by the pointer of the place. What a reference will replace is not checked. */
export function validate(schema: Schema, value: Json): ReadonlyMap<string, string> {
  let validator = validators.get(schema);
  if (validator === undefined) {
    validator = new Validator(schema as never, "2020-12", false);
    validators.set(schema, validator);
  }
  const messages = new Map<string, string>();
  const { errors } = validator.validate(value);
  const meant = meantForms(errors, schema, value);
  for (const unit of errors) {
    if (OUTER.has(unit.keyword) || !isSaid(unit, meant)) continue;
    const pointer = unit.instanceLocation.replace(/^#/, "");
    const subject = read(value, pointer);
    if (subject === undefined || hasReference(subject) || hasSecret(subject)) continue;
    // What breaks a format may break a pattern, too, which says less.
    if (messages.has(pointer) && unit.keyword !== "format") continue;
    if (unit.keyword === "required") continue;
    messages.set(pointer, messageOf(unit, schema));
  }
  return messages;
}

/** What stands for a secret says nothing of its value. */
function hasSecret(value: Json): boolean {
  if (isList(value)) return value.some(hasSecret);
  return isObject(value) ? Object.values(value).some(hasSecret) : secretName(value) !== undefined;
}

/** Of the choices in a value those of which it is clear which form is meant, by the place of the choice in the schema. */
type MeantForms = ReadonlyMap<string, number>;

const FORM = /\/(?:anyOf|oneOf)(?=\/(\d+))/g;

function meantForms(errors: readonly OutputUnit[], schema: Schema, value: Json): MeantForms {
  return new Map(
    errors.flatMap(({ keyword, keywordLocation, instanceLocation }): [string, number][] => {
      if (keyword !== "anyOf" && keyword !== "oneOf") return [];
      const forms = demanded(schema, keywordLocation);
      const index = meantForm(
        isList(forms) ? forms.map((form) => resolve(form, schema)) : [],
        read(value, instanceLocation.replace(/^#/, "")),
      );
      return index === undefined ? [] : [[keywordLocation, index]];
    }),
  );
}

/**
 * Whether an error is worth saying. Inside of the form that is meant it says more than that of the choice; inside of
 * others, and where nobody knows which is meant, it says less.
 */
function isSaid({ keywordLocation }: OutputUnit, meant: MeantForms): boolean {
  if (meant.has(keywordLocation)) return false;
  return [...keywordLocation.matchAll(FORM)].every((found) => {
    const choice = keywordLocation.slice(0, found.index + found[0].length);
    return meant.get(choice) === Number(found[1]);
  });
}

function read(value: Json, pointer: string): Json | undefined {
  let here: Json | undefined = value;
  for (const key of fromPointer(pointer)) {
    if (isList(here)) here = here[Number(key)];
    else here = isObject(here) ? here[key] : undefined;
  }
  return here;
}

function durationText(): string {
  return t("This must be a duration of up to 366 days: a number with its unit, such as 30s, 15m, 2h or 7d.");
}

/** What stands at the place of a keyword, which may lie behind references. */
function demanded(schema: Schema, location: string): Json | undefined {
  let here: Json | undefined = schema;
  for (const key of fromPointer(location.replace(/^#/, ""))) {
    if (key === "$ref" && isObject(here)) here = resolve({ $ref: here.$ref ?? "" }, schema);
    else here = isList(here) ? here[Number(key)] : isObject(here) ? here[key] : undefined;
  }
  return here;
}

/** What to say for a keyword, given what it demands. */
const MESSAGES: Readonly<Record<string, (limit: Json | undefined) => string>> = {
  type: (limit) => t("This must be {what}.", { what: typeWords(limit) }),
  enum: () => t("This is none of the allowed values."),
  const: (limit) => t("This must be {what}.", { what: JSON.stringify(limit) }),
  minimum: (limit) => t("This must be at least {limit}.", { limit: String(limit) }),
  maximum: (limit) => t("This must be at most {limit}.", { limit: String(limit) }),
  exclusiveMinimum: (limit) => t("This must be more than {limit}.", { limit: String(limit) }),
  exclusiveMaximum: (limit) => t("This must be less than {limit}.", { limit: String(limit) }),
  minLength: (limit) =>
    limit === 1 ? t("This must not be empty.") : counted("This needs at least {count} characters.", Number(limit)),
  maxLength: (limit) => counted("This may have at most {count} characters.", Number(limit)),
  minItems: (limit) => counted("This needs at least {count} entries.", Number(limit)),
  maxItems: (limit) => counted("This may have at most {count} entries.", Number(limit)),
  pattern: () => t("This does not have the right form."),
  format: (limit) =>
    limit === DURATION_FORMAT ? durationText() : t("This is not a valid {what}.", { what: String(limit) }),
  anyOf: (limit) =>
    isList(limit) && limit.some((form) => isObject(form) && form.format === DURATION_FORMAT)
      ? durationText()
      : t("This has none of the forms that are allowed here."),
  oneOf: () => t("This has none of the forms that are allowed here."),
};

function messageOf({ keyword, keywordLocation, error }: OutputUnit, schema: Schema): string {
  return (
    MESSAGES[keyword]?.(demanded(schema, keywordLocation)) ??
    (locale() === "en" ? error : t("This is not allowed here."))
  );
}

function typeWords(limit: Json | undefined): string {
  const types = isList(limit) ? limit : [limit ?? ""];
  return types.map(typeWord).join(t(" or "));
}

function typeWord(type: Json): string {
  const word = TYPE_WORDS[String(type)];
  return word === undefined ? String(type) : t(word);
}
