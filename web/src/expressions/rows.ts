/** Conditions as rows of field, operator and value, whatever language they are written in. */

import type { Json } from "../base/json";
import type { Message } from "../locale/locale";
import type { Variables } from "./variables";

/** How the rows of a group come together. */
export const JOINS = ["and", "or"] as const;

export interface Rule<Name extends string = string> {
  readonly kind: "rule";
  readonly left: Json;
  readonly operator: Name;
  readonly right: Json;
}

export interface RuleGroup<Name extends string = string> {
  readonly kind: "group";
  readonly join: (typeof JOINS)[number];
  readonly members: readonly (Rule<Name> | RuleGroup<Name>)[];
}

export interface Operator {
  readonly label: Message;
  /** Whether it compares with something. */
  readonly hasValue: boolean;
}

/** One side of a row: what it is, and how people write it. */
export interface Side {
  readonly label: Message;
  /** What is typed, as a value. */
  readonly parse: (text: string, rule: Rule, variables: Variables | undefined) => Json;
  /** The same in words that are parsed to it again. */
  readonly show: (rule: Rule, variables: Variables | undefined) => string;
  /** The value of a reference that was chosen: `!ref($.event.data.total)`. */
  readonly pick: (reference: string) => Json;
  /** What is offered while somebody types. */
  readonly offered: (rule: Rule, variables: Variables | undefined) => readonly string[];
}

/** A language in which conditions are written, as rows need it. */
export interface Dialect {
  /** What a condition is called that is shown as it is written. */
  readonly codeLabel: Message;
  /** Whether texts may hold references, which are shown as chips. */
  readonly hasReferences: boolean;
  /** A row that was just added. */
  readonly blank: Rule;
  /** The rows of a condition; `undefined` if it has another form. Written again, they mean the same. */
  readonly read: (value: Json | undefined) => RuleGroup | undefined;
  /** The condition of some rows; `undefined` without any. */
  readonly write: (group: RuleGroup) => Json | undefined;
  readonly operators: (rule: Rule, variables: Variables | undefined) => readonly (readonly [string, Operator])[];
  readonly left: Side;
  readonly right: Side;
  /** A row after something was put into its left side, and after another operator was chosen. */
  readonly withLeft: (rule: Rule, left: Json, variables: Variables | undefined) => Rule;
  readonly withOperator: (rule: Rule, operator: string) => Rule;
  /** Whether the right side is yes or no. */
  readonly isYesOrNo: (rule: Rule, variables: Variables | undefined) => boolean;
  /** What somebody should know of a row. */
  readonly noteOn: (rule: Rule, variables: Variables | undefined) => Note | undefined;
}

export interface Note {
  readonly text: string;
  /** Whether the row can hardly be meant as it is. */
  readonly isWarning: boolean;
}
