/** Values that may have one of several forms, of which one is a single value. Pure. */

import type { Json } from "../base/json";
import type { FieldKind, FieldSpec, Schema } from "./schema";
import { activeChoice, describe } from "./schema";

/** The form that a value of one of several forms has, or at first would have, if that is a single value to be typed. */
export function plainChoice(
  { kind, choices }: FieldSpec,
  value: Json | undefined,
  root: Schema,
): FieldSpec | undefined {
  const chosen = kind === "choice" ? choices[activeChoice(choices, value)] : undefined;
  const spec = chosen === undefined ? undefined : describe(chosen.schema, root);
  return spec !== undefined && PLAIN.has(spec.kind) && !("const" in spec.schema) ? spec : undefined;
}

const PLAIN: ReadonlySet<FieldKind> = new Set(["text", "area", "number"]);
