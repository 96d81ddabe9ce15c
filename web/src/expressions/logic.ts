/** JSON Logic rules as rows of field, operator and value. Rules of other shapes stay JSON. */

import type { Json } from "../base/json";
import { isEqual, isList, isObject } from "../base/json";
import type { Message } from "../locale/locale";
import type * as rows from "./rows";

export type Rule = rows.Rule<OperatorName>;
export type RuleGroup = rows.RuleGroup<OperatorName>;

interface Operator extends rows.Operator {
  readonly write: (left: Json, right: Json) => Json;
  readonly read: (rule: Json) => { left: Json; right: Json } | undefined;
}

export type OperatorName =
  "equals" | "differs" | "greater" | "atLeast" | "less" | "atMost" | "contains" | "holds" | "fails";

export const OPERATORS: Readonly<Record<OperatorName, Operator>> = {
  equals: binary("equals", "=="),
  differs: binary("is not", "!="),
  greater: binary("is more than", ">"),
  atLeast: binary("is at least", ">="),
  less: binary("is less than", "<"),
  atMost: binary("is at most", "<="),
  contains: {
    ...binary("contains", "in"),
    write: (left, right) => ({ in: [right, left] }),
    read: (rule) => swapped(readPair(rule, "in")),
  },
  holds: unary("is set and not 0", "!!"),
  fails: unary("is empty or 0", "!"),
};

function binary(label: Message, key: string): Operator {
  return {
    label,
    hasValue: true,
    write: (left, right) => ({ [key]: [left, right] }),
    read: (rule) => readPair(rule, key),
  };
}

function unary(label: Message, key: string): Operator {
  return {
    label,
    hasValue: false,
    write: (left) => ({ [key]: [left] }),
    read: (rule) => {
      const operands = operandsOf(rule, key);
      const [left, ...others] = operands ?? [];
      return left === undefined || others.length > 0 || !isPlain(left) ? undefined : { left, right: null };
    },
  };
}

function swapped(pair: { left: Json; right: Json } | undefined): { left: Json; right: Json } | undefined {
  return pair === undefined ? undefined : { left: pair.right, right: pair.left };
}

function readPair(rule: Json, key: string): { left: Json; right: Json } | undefined {
  const [left, right, ...others] = operandsOf(rule, key) ?? [];
  if (left === undefined || right === undefined || others.length > 0) return undefined;
  return isPlain(left) && isPlain(right) ? { left, right } : undefined;
}

function operandsOf(rule: Json, key: string): readonly Json[] | undefined {
  if (!isObject(rule) || Object.keys(rule).length !== 1) return undefined;
  const operands = rule[key];
  return isList(operands) ? operands : undefined;
}

/** Operands that are rules themselves have no room in a row. */
function isPlain(value: Json): boolean {
  return !isObject(value) && !isList(value);
}

/** The rows of a rule; `undefined` if it has another shape. Written again, they are the same rule. */
export function readRule(value: Json | undefined): RuleGroup | undefined {
  if (value === undefined || value === null || value === "") return { kind: "group", join: "and", members: [] };
  const read = readMember(value);
  if (read === undefined) return undefined;
  const group: RuleGroup = read.kind === "group" ? read : { kind: "group", join: "and", members: [read] };
  return isEqual(writeRule(group), value) ? group : undefined;
}

function readMember(value: Json): Rule | RuleGroup | undefined {
  for (const join of ["and", "or"] as const) {
    const operands = operandsOf(value, join);
    if (operands === undefined) continue;
    const members = operands.map(readMember);
    return members.every((member) => member !== undefined) ? { kind: "group", join, members } : undefined;
  }
  for (const name of Object.keys(OPERATORS) as OperatorName[]) {
    const operands = OPERATORS[name].read(value);
    if (operands !== undefined) return { kind: "rule", operator: name, ...operands };
  }
  return undefined;
}

/** The rule of some rows; `undefined` without any. */
export function writeRule(group: RuleGroup): Json | undefined {
  const members = group.members.map((member) =>
    member.kind === "group" ? writeRule(member) : OPERATORS[member.operator].write(member.left, member.right),
  );
  const written = members.filter((member) => member !== undefined);
  if (written.length === 0) return undefined;
  return written.length === 1 ? written[0] : { [group.join]: written };
}

/** A value as somebody types it: numbers, true, false and null are what they look like; quotes make a text of them. */
export function parseOperand(text: string): Json {
  if (/^(-?\d+(\.\d+)?([eE][+-]?\d+)?|true|false|null|".*")$/s.test(text.trim())) {
    try {
      return JSON.parse(text.trim()) as Json;
    } catch {
      return text;
    }
  }
  return text;
}

export function writeOperand(value: Json): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return typeof parseOperand(value) === "string" && !value.startsWith('"') ? value : JSON.stringify(value);
}
