/** What the fields of one form share. */

import { createContext, use } from "react";
import type { OptionList } from "../api/schema";
import type { Json, JsonObject, Path } from "../base/json";
import { toPointer } from "../base/json";
import type { Variables } from "../expressions/variables";
import { t } from "../locale/locale";
import type { OptionsRequest } from "./options";
import type { Schema } from "./schema";

export interface FormContextValue {
  /** The schema that local references lead into. */
  readonly root: Schema;
  /** All that is in the form. */
  readonly value: JsonObject;
  /** Lists the options of a field; `undefined` where nobody may ask for them. */
  readonly listOptions: ListOptions | undefined;
  /** Whether fields for secrets take the names of stored ones. */
  readonly takesSecrets: boolean;
  /** What is wrong, by the pointer of the field. */
  readonly messages: ReadonlyMap<string, FieldMessage>;
  /** What references may lead to; `undefined` where none are allowed. */
  readonly variables: Variables | undefined;
  /** What expressions that are conditions may read. */
  readonly readable: Variables | undefined;
  readonly isReadOnly: boolean;
  /** Puts a value into a place; `undefined` takes it away. */
  readonly change: (path: Path, value: Json | undefined) => void;
}

export type ListOptions = (request: OptionsRequest) => Promise<OptionList>;

export interface FieldMessage {
  readonly text: string;
  readonly severity: "error" | "warning";
  /** The server's word for it, if it is the server's. */
  readonly code?: string;
}

export const FormContext = createContext<FormContextValue | undefined>(undefined);

export function useForm(): FormContextValue {
  const context = use(FormContext);
  if (context === undefined) throw new Error("this is shown outside of a form");
  return context;
}

function needed(): FieldMessage {
  return { text: t("This is needed."), severity: "error" };
}

const MISSING_CODES: readonly (string | undefined)[] = ["missing-input", "missing-key"];

/** Of a value that is wrong for the server; what is checked here has none. */
const EMPTY_CODES: readonly (string | undefined)[] = ["invalid-value", undefined];

/** Whether the server misses something; there is nothing else to say of that. */
export function saysMissing(message: FieldMessage | undefined): boolean {
  return MISSING_CODES.includes(message?.code);
}

/** What is wrong with a field. That something is missing the server says of the object around it. */
export function messageFor(
  { messages }: FormContextValue,
  { path, value, isRequired }: FieldProps,
): FieldMessage | undefined {
  const own = messages.get(toPointer(path));
  if (own !== undefined && value === undefined && saysMissing(own)) return needed();
  // An empty text is no value yet: a trigger begins so.
  if (own !== undefined && isRequired && value === "" && EMPTY_CODES.includes(own.code)) return needed();
  if (own !== undefined || !isRequired || value !== undefined || path.length === 0) return own;
  return saysMissing(messages.get(toPointer(path.slice(0, -1)))) ? needed() : undefined;
}

/** What every field gets. */
export interface FieldProps {
  readonly path: Path;
  readonly schema: Json | undefined;
  readonly value: Json | undefined;
  readonly label: string;
  readonly isRequired: boolean;
}
