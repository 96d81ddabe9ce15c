/** Expressions as rows of field, operator and value. Those of other forms stay text. */

import type { Json } from "../base/json";
import { isList } from "../base/json";
import type { Rule, RuleGroup } from "./celOperators";
import { CEL_OPERATORS, isMoment, isPlace, takesList, takesMoment } from "./celOperators";
import { readPlace, readRows } from "./celReader";
import { numeral, quoted } from "./celTokens";

/** The rows of an expression; `undefined` if it has another form. Written again, they mean the same. */
export function readExpression(value: Json | undefined): RuleGroup | undefined {
  if (value === undefined || value === null || value === "") return { kind: "group", join: "and", members: [] };
  const read = typeof value === "string" ? readRows(value) : undefined;
  return read?.kind === "rule" ? { kind: "group", join: "and", members: [read] } : read;
}

/** The expression of the rows that are complete; `undefined` if none is. */
export function writeExpression(group: RuleGroup): string | undefined {
  return written(group)?.text;
}

function written({ join, members }: RuleGroup): { text: string; isJoined: boolean } | undefined {
  const texts = members.flatMap((member) => {
    if (member.kind === "rule") return isComplete(member) ? [writeRule(member)] : [];
    const inside = written(member);
    return inside === undefined ? [] : [inside.isJoined ? `(${inside.text})` : inside.text];
  });
  if (texts.length === 0) return undefined;
  return { text: texts.join(join === "and" ? " && " : " || "), isJoined: texts.length > 1 };
}

function writeRule({ left, operator, right }: Rule): string {
  const { form } = CEL_OPERATORS[operator];
  return form.replaceAll(/[$?]/g, (sign) => (sign === "$" ? String(left) : writeOperand(right)));
}

function writeOperand(value: Json): string {
  if (isPlace(value)) return value.path;
  if (isList(value)) return `[${value.map(writeOperand).join(", ")}]`;
  return typeof value === "number" ? numeral(value) : typeof value === "string" ? quoted(value) : String(value);
}

/** Whether a row says something that the engine can read. */
export function isComplete({ left, operator, right }: Rule): boolean {
  if (typeof left !== "string" || readPlace(left) === undefined) return false;
  if (!CEL_OPERATORS[operator].hasValue) return true;
  if (takesList(operator)) return isList(right) && right.length > 0 && right.every(isLiteral);
  if (takesMoment(operator)) return isMoment(right);
  if (operator === "includes" || operator === "includesNot") return isLiteral(right);
  return isLiteral(right) || (isPlace(right) && readPlace(right.path) !== undefined);
}

function isLiteral(value: Json): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value === "boolean" || (typeof value === "string" && !value.includes("\0"));
}

/** A place as the engine reads it. */
export function writePlace([root, ...keys]: readonly (string | number)[]): string {
  const steps = keys.map((key) => {
    if (typeof key === "number") return `[${key}]`;
    return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? `.${key}` : `[${quoted(key)}]`;
  });
  return `${root ?? ""}${steps.join("")}`;
}
