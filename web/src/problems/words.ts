/** What the server finds wrong, in the language of the editor: it speaks English only, and names each by a code. */

import type { Problem } from "../api/schema";
import { locale, t, translated } from "../locale/locale";

export function problemText({ code, message }: Pick<Problem, "code" | "message">): string {
  return locale() === "en" ? message : (translated(`#${code}`) ?? t("There is something wrong here: {code}", { code }));
}
