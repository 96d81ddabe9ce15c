/** What a template leaves open: addresses that are only examples, and which secrets it is given. */

import type { Json, JsonObject, Path } from "../base/json";
import { isList, isObject, toPointer, withValueAt } from "../base/json";
import { secretName } from "../secrets/reference";

export interface Blank {
  /** Where it stands in the document. */
  readonly path: Path;
  readonly pointer: string;
  /** Which step it is of, and what it is called there. */
  readonly step: string;
  readonly name: string;
  readonly text: string;
  /** Whether it is the reference to a secret. */
  readonly isSecret: boolean;
}

const EXAMPLE = /\bexample\.(com|org)\b/;

/** The texts in the inputs of a document's steps that somebody has to replace, in order. */
export function blanksOf(document: JsonObject): readonly Blank[] {
  const actions = isList(document.actions) ? document.actions : [];
  return actions.flatMap((action, index) => {
    if (!isObject(action)) return [];
    const step = String(action.name ?? action.id);
    return textsIn(action.inputs ?? null, ["actions", index, "inputs"])
      .map(({ path, text }) => ({ path, text, isSecret: secretName(text) !== undefined }))
      .filter(({ text, isSecret }) => isSecret || EXAMPLE.test(text))
      .map((blank) => ({ ...blank, pointer: toPointer(blank.path), step, name: String(blank.path.at(-1)) }));
  });
}

function textsIn(value: Json, path: Path): readonly { readonly path: Path; readonly text: string }[] {
  if (typeof value === "string") return [{ path, text: value }];
  if (isList(value)) return value.flatMap((item, index) => textsIn(item, [...path, index]));
  return isObject(value) ? Object.entries(value).flatMap(([key, inner]) => textsIn(inner, [...path, key])) : [];
}

/** The document with texts in the place of examples, by pointer. */
export function filledIn(document: JsonObject, texts: ReadonlyMap<string, string>): JsonObject {
  return blanksOf(document).reduce(
    (result, { path, pointer, text }) => withValueAt(result, path, texts.get(pointer) ?? text) as JsonObject,
    document,
  );
}
