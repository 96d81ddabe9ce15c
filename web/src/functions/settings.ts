/** The settings of a function in a few words each. Pure. */

import type { Json, JsonObject } from "../base/json";
import { isList, isObject, summary } from "../base/json";

const WORD_CHARS = 40;

/** A word for each setting: "retries 4", "concurrency 5 per event.data.user". */
export function settingWords(settings: JsonObject): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    const each = isList(value) ? value : [value];
    return each.map((one) => `${name.replaceAll("_", " ")} ${valueText(one)}`.trim());
  });
}

function valueText(value: Json): string {
  if (!isObject(value)) return summary(value, WORD_CHARS);
  const { limit, period, key, ...rest } = value;
  const known = [
    limit === undefined ? "" : summary(limit),
    period === undefined ? "" : `in ${periodText(period)}`,
    key === undefined ? "" : `per ${summary(key, WORD_CHARS)}`,
  ];
  const others = Object.entries(rest).map(([name, one]) => `${name.replaceAll("_", " ")} ${summary(one, WORD_CHARS)}`);
  return [...known, ...others].filter((word) => word !== "").join(" ");
}

function periodText(period: Json): string {
  return typeof period === "number" ? `${period} s` : summary(period);
}
