/** Rows that are JSON Logic. */

import { t } from "../locale/locale";
import { textBySize } from "./comparing";
import type { Rule as LogicRule, RuleGroup as LogicGroup } from "./logic";
import { OPERATORS, parseOperand, readRule, writeOperand, writeRule } from "./logic";
import type { Dialect } from "./rows";

export const JSON_LOGIC: Dialect = {
  codeLabel: "JSON Logic",
  hasReferences: true,
  blank: { kind: "rule", left: "", operator: "equals", right: "" },
  read: readRule,
  write: (group) => writeRule(group as LogicGroup),
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
    if (text === undefined) return undefined;
    return {
      isWarning: true,
      text: t(
        "“{text}” is a text, and no number: it has no size. To compare a value of the event or of a step, choose it with the braces.",
        { text },
      ),
    };
  },
};
