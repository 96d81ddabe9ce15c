/** The kinds of fields in words. */

import type { Message } from "../../locale/locale";
import type { RowKind } from "./rows";

export const KIND_WORDS: Readonly<Record<RowKind, Message>> = {
  text: "Text",
  area: "Long text",
  number: "Number",
  integer: "Whole number",
  boolean: "Yes or no",
  date: "Date",
  choice: "Choice",
  other: "Something else",
};
