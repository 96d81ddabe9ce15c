import { useRef, useState } from "react";
import type { Json } from "../../base/json";
import { hasReference } from "../../document/references";
import type { FieldProps } from "../form";
import { useForm } from "../form";
import type { FieldSpec } from "../schema";
import { describe } from "../schema";

export interface Expression {
  readonly isExpression: boolean;
  /** Whether somebody has switched to it: who does wants to write there. */
  readonly isWanted: boolean;
  readonly toggle: () => void;
  /** Keeps it edited as a reference also while there is none in it: who rewrites one begins with nothing. */
  readonly keep: () => void;
  /** Says whether it is being typed as a fixed value: a reference in it is shown as one when that is done. */
  readonly setTyping: (isTyping: boolean) => void;
}

/** Whether a reference is edited, and the switch. What was there before comes back with the switch. */
export function useExpression({ path, schema, value }: FieldProps): Expression {
  const form = useForm();
  const [isWanted, setWanted] = useState(false);
  const [isTyping, setTyping] = useState(false);
  const before = useRef<Json | undefined>(undefined);
  const isText = typeof value === "string" && hasReference(value) && !isTyping;
  const isExpression =
    form.variables !== undefined && !isCondition(describe(schema, form.root)) && (isText || isWanted);
  const toggle = (): void => {
    setWanted(!isExpression);
    setTyping(false);
    if (isExpression && isText) {
      const other = before.current;
      before.current = value;
      form.change(path, other);
    } else {
      const other = before.current;
      before.current = value;
      if (!isExpression && typeof other === "string" && hasReference(other) && !hasReference(value))
        form.change(path, other);
    }
  };
  return { isExpression, isWanted, toggle, keep: () => setWanted(true), setTyping };
}

/** Conditions have references in their rows. */
export function isCondition({ kind }: FieldSpec): boolean {
  return kind === "logic" || kind === "condition";
}
