/** The settings of a function in a few words each. Pure. */

import type { Json, JsonObject } from "../base/json";
import { isList, isObject, summary } from "../base/json";
import { humanize } from "../config/schema";
import { locale, served, t } from "../locale/locale";

const WORD_CHARS = 40;

/** A word for each setting: "retries 4", "concurrency 5 per event.data.user". */
export function settingWords(settings: JsonObject): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    const each = isList(value) ? value : [value];
    return each.map((one) => `${nameText(name)} ${valueText(one)}`.trim());
  });
}

/** What a setting is called in the editor; "rate limit" in English. */
function nameText(name: string): string {
  return locale() === "en" ? name.replaceAll("_", " ") : served(humanize(name));
}

function valueText(value: Json): string {
  if (!isObject(value)) return summary(value, WORD_CHARS);
  const { limit, period, key, ...rest } = value;
  const known = [
    limit === undefined ? "" : summary(limit),
    period === undefined ? "" : t("in {time}", { time: periodText(period) }),
    key === undefined ? "" : t("per {key}", { key: summary(key, WORD_CHARS) }),
  ];
  const others = Object.entries(rest).map(([name, one]) => `${nameText(name)} ${summary(one, WORD_CHARS)}`);
  return [...known, ...others].filter((word) => word !== "").join(" ");
}

function periodText(period: Json): string {
  return typeof period === "number" ? t("{number} s", { number: period }) : summary(period);
}
