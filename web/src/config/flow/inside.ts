/** Messages and wishes for the focus, as whoever shows a part of a value sees them. */

import { useMemo } from "react";
import type { FocusWish } from "../../editor/store";
import type { FieldMessage } from "../form";

export type Messages = ReadonlyMap<string, FieldMessage>;

/** The messages below a pointer, by the rest of theirs. */
export function messagesInside(messages: Messages, prefix: string): Messages {
  const own = [...messages].filter(([pointer]) => pointer === prefix || pointer.startsWith(`${prefix}/`));
  return new Map(own.map(([pointer, message]) => [pointer.slice(prefix.length), message]));
}

/** A wish for a field below a pointer; `undefined` if it is for another one. */
export function useInside(wish: FocusWish | undefined, prefix: string): FocusWish | undefined {
  return useMemo(
    () =>
      wish?.field.startsWith(`${prefix}/`) === true ? { ...wish, field: wish.field.slice(prefix.length) } : undefined,
    [wish, prefix],
  );
}
