/** Rows that are JSON Logic. */

import { hasReference } from "../document/references";
import { t } from "../locale/locale";
import { textBySize } from "./comparing";
import type { Rule as LogicRule, RuleGroup as LogicGroup } from "./logic";
import { OPERATORS, parseOperand, readRule, writeOperand, writeRule } from "./logic";
import type { Dialect, Note, Rule } from "./rows";

export const JSON_LOGIC: Dialect = {
  codeLabel: "JSON Logic",
  hasReferences: true,
  blank: { kind: "rule", left: "", operator: "equals", right: "" },
  read: readRule,
  write: (group) => writeRule(complete(group as LogicGroup)),
  operators: () => Object.entries(OPERATORS),
  left: {
    label: "Value",
    parse: parseOperand,
    show: ({ left }) => writeOperand(left),
    pick: (reference) => reference,
    offered: () => [],
  },
  right: {
    label: "Compared with",
    parse: parseOperand,
    show: ({ right }) => writeOperand(right),
    pick: (reference) => reference,
    offered: () => [],
  },
  withLeft: (rule, left) => ({ ...rule, left }),
  withOperator: (rule, operator) => ({ ...rule, operator }),
  isYesOrNo: () => false,
  noteOn: (rule, variables) => {
    const text = textBySize(rule as LogicRule, variables);
    if (text === undefined) return sayingTheSame(rule);
    return {
      isWarning: true,
      text: t(
        "“{text}” is a text, and no number: it has no size. To compare a value of the event or of a step, choose it with the braces.",
        { text },
      ),
    };
  },
};

/** The rows in which it stands what is compared: a row that was only added says nothing yet. */
function complete(group: LogicGroup): LogicGroup {
  const members = group.members
    .filter((member) => member.kind === "group" || member.left !== "")
    .map((member) => (member.kind === "group" ? complete(member) : member));
  return { ...group, members };
}

/** A row of fixed values only always says the same: a name was typed where a value was meant. */
function sayingTheSame({ left, right }: Rule): Note | undefined {
  if (left === "") return { isWarning: false, text: t("This row is not complete, and does not count yet.") };
  if (hasReference(left) || hasReference(right)) return undefined;
  return {
    isWarning: true,
    text: t(
      "“{text}” is a fixed value, so this row always says the same. To compare a value of the event or of a step, choose it with the braces.",
      { text: writeOperand(left) },
    ),
  };
}
