import type { ReactNode } from "react";
import { Fragment } from "react";
import type { Message } from "./locale";
import { t } from "./locale";

/** A message in the present language with elements, such as links, for its values. */
export function rich(message: Message, values: Readonly<Record<string, ReactNode>>): ReactNode {
  return t(message)
    .split(/\{(\w+)\}/)
    .map((part, index) => (
      // oxlint-disable-next-line react/no-array-index-key -- the parts of one message have no other key, and no state
      <Fragment key={index}>{index % 2 === 0 ? part : values[part]}</Fragment>
    ));
}
