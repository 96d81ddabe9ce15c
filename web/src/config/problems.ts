/** What the server finds wrong, sorted to the fields of a form. */

import type { Problem } from "../api/schema";
import type { LocatedProblem, ProblemIndex } from "../problems/locate";
import { targetKey } from "../problems/locate";
import type { Scope } from "../document/types";
import type { FieldMessage } from "./form";
import { fieldText, problemText } from "../problems/words";

const NONE: readonly LocatedProblem[] = [];

/** The problems of a step below a pointer inside of it, by the rest of their pointer. */
export function fieldProblems(
  index: ProblemIndex,
  scope: Scope,
  id: string,
  prefix: string,
): ReadonlyMap<string, FieldMessage> {
  return messagesBelow(index.byTarget.get(targetKey("action", scope, id)) ?? NONE, prefix);
}

/** Problems below a pointer, by the rest of it; those of the pointer itself stand under "". */
export function messagesBelow(problems: readonly LocatedProblem[], prefix: string): ReadonlyMap<string, FieldMessage> {
  const messages = new Map<string, FieldMessage>();
  for (const { problem, target } of problems) {
    if (target.field !== prefix && !target.field.startsWith(`${prefix}/`)) continue;
    const pointer = target.field.slice(prefix.length);
    if (!messages.has(pointer))
      messages.set(pointer, { text: fieldText(problem), severity: problem.severity, code: problem.code });
  }
  return messages;
}

/** The problems of a step that no field of its forms shows. */
export function otherProblems(index: ProblemIndex, scope: Scope, id: string): readonly LocatedProblem[] {
  const all = index.byTarget.get(targetKey("action", scope, id)) ?? NONE;
  return all.filter(({ target: { field } }) => !/^\/(inputs|settings)\/./.test(field));
}

/** What the server refuses of the data in a request, by the pointer into the data. */
export function refusedData(
  problems: readonly Pick<Problem, "pointer" | "message" | "code">[],
): ReadonlyMap<string, FieldMessage> {
  return new Map(
    problems.map((problem) => [
      problem.pointer.replace(/^\/data/, ""),
      { text: problemText(problem), severity: "error", code: problem.code },
    ]),
  );
}

/** The messages without those of a field, named as forms name what has changed: what was wrong there is judged anew. */
export function withoutField(
  messages: ReadonlyMap<string, FieldMessage>,
  field: string,
): ReadonlyMap<string, FieldMessage> {
  const pointer = `/${field}`;
  const isOf = (place: string): boolean => place === pointer || place.startsWith(`${pointer}/`);
  return new Map([...messages].filter(([place]) => !isOf(place)));
}
