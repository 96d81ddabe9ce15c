/** What the server refuses, at the fields that it is about. */

import type { ApiError } from "../api/client";
import { problemText } from "../problems/words";
import { messagesOf } from "./webhook";

export interface Refusal {
  /** What is wrong, by the name of the field. */
  readonly problems: ReadonlyMap<string, string>;
  /** What is about no field. */
  readonly failure: string | undefined;
}

export const NOTHING_REFUSED: Refusal = { problems: new Map(), failure: undefined };

export function refusedName(message: string): Refusal {
  return { problems: new Map([["name", message]]), failure: undefined };
}

export function refusalOf(error: ApiError): Refusal {
  const problems = messagesOf(error.problems, problemText);
  return { problems, failure: problems.size === 0 ? error.message : problems.get("") };
}
