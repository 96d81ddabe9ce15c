/** What the fields of one form share. */

import { createContext, use } from "react";
import type { Json, Path } from "../base/json";
import type { Variables } from "../expressions/variables";
import type { Schema } from "./schema";

export interface FormContextValue {
  /** The schema that local references lead into. */
  readonly root: Schema;
  /** What is wrong, by the pointer of the field. */
  readonly messages: ReadonlyMap<string, FieldMessage>;
  /** What references may lead to; `undefined` where none are allowed. */
  readonly variables: Variables | undefined;
  readonly isReadOnly: boolean;
  /** Puts a value into a place; `undefined` takes it away. */
  readonly change: (path: Path, value: Json | undefined) => void;
}

export interface FieldMessage {
  readonly text: string;
  readonly severity: "error" | "warning";
}

export const FormContext = createContext<FormContextValue | undefined>(undefined);

export function useForm(): FormContextValue {
  const context = use(FormContext);
  if (context === undefined) throw new Error("this is shown outside of a form");
  return context;
}

/** What every field gets. */
export interface FieldProps {
  readonly path: Path;
  readonly schema: Json | undefined;
  readonly value: Json | undefined;
  readonly label: string;
  readonly isRequired: boolean;
}
