/** What the server finds wrong, in the language of the editor: it speaks English only, and names each by a code. */

import type { Problem } from "../api/schema";
import { counted, locale, t, translated } from "../locale/locale";
import type { LocatedProblem } from "./locate";

export function problemText({ code, message }: Pick<Problem, "code" | "message">): string {
  return locale() === "en" ? message : (translated(`#${code}`) ?? t("There is something wrong here: {code}", { code }));
}

/** The same where the field is named already: without the name of the step and of the input. */
export function fieldText(problem: Pick<Problem, "code" | "message">): string {
  return problemText(problem).replace(/^.{1,200}? has an invalid input for '[^']*': /, "");
}

/** How many problems there are; "" for none. */
export function countText(problems: readonly LocatedProblem[]): string {
  return problems.length === 0 ? "" : counted("{count} problems", problems.length);
}
