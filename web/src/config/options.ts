/** Fields whose options a function of the server lists: what it has to be told, and what may not be told. */

import type { Option } from "../api/schema";
import type { Json, JsonObject } from "../base/json";
import { isList, isObject } from "../base/json";
import { hasReference } from "../document/references";
import { secretName } from "../secrets/reference";
import type { FieldKind, Schema } from "./schema";
import { describe, humanize } from "./schema";

/** What a schema says of the options of its field. */
export interface OptionsMark {
  /** The input that they are of. */
  readonly input: string;
  /** The inputs that they depend on. */
  readonly dependsOn: readonly string[];
  /** Those of them without which there is no list. */
  readonly needs: readonly string[];
  /** Whether the server searches, too. */
  readonly searches: boolean;
}

/** What is asked of the server. */
export interface OptionsRequest {
  readonly input: string;
  readonly inputs: JsonObject;
  readonly search: string;
}

export function optionsMark(schema: Schema): OptionsMark | undefined {
  const mark = schema["x-options"];
  if (!isObject(mark) || typeof mark.input !== "string") return undefined;
  return {
    input: mark.input,
    dependsOn: texts(mark.depends_on),
    needs: texts(mark.needs),
    searches: mark.searches === true,
  };
}

function texts(value: Json | undefined): readonly string[] {
  return isList(value) ? value.filter((each) => typeof each === "string") : [];
}

/**
 * What is known of the inputs that options depend on. References are not: their values come with a run. What is typed
 * into a secret field stays in the browser; the name of a secret may leave it.
 */
export function knownInputs(mark: OptionsMark, inputs: JsonObject, root: Schema): JsonObject {
  const properties = isObject(root.properties) ? root.properties : {};
  const entries = mark.dependsOn.flatMap((name): [string, Json][] => {
    const spec = describe(properties[name], root);
    const value = inputs[name] ?? spec.schema.default;
    if (value === undefined || value === null || hasReference(value)) return [];
    const isHidden = spec.kind === "secret" && secretName(value) === undefined;
    return isHidden ? [] : [[name, value]];
  });
  return Object.fromEntries(entries);
}

/** The first field that has to be filled in before there is a list: its label, and whether it holds a reference. */
export function missingInput(
  mark: OptionsMark,
  known: JsonObject,
  inputs: JsonObject,
  root: Schema,
): { readonly label: string; readonly isReference: boolean } | undefined {
  const name = mark.needs.find((each) => !Object.hasOwn(known, each));
  if (name === undefined) return undefined;
  const properties = isObject(root.properties) ? root.properties : {};
  return {
    label: describe(properties[name], root).title ?? humanize(name),
    isReference: hasReference(inputs[name]),
  };
}

/** The options that a text is found in, by value or label; all, for an empty text. */
export function matching(options: readonly Option[], text: string): readonly Option[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return options;
  return options.filter(
    ({ value, label }) => label.toLowerCase().includes(wanted) || String(value).toLowerCase().includes(wanted),
  );
}

/** The value that a typed text stands for: that of the option with this value or label, else the text itself. */
export function typedValue(text: string, options: readonly Option[], kind: FieldKind): Json | undefined {
  const found = options.find(({ value }) => String(value) === text) ?? options.find(({ label }) => label === text);
  if (found !== undefined) return found.value as Json;
  if (text.trim() === "") return undefined;
  return kind === "number" && Number.isFinite(Number(text)) ? Number(text) : text;
}
