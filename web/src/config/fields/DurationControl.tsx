import { useState } from "react";
import type { Json } from "../../base/json";
import { isList } from "../../base/json";
import type { Duration, DurationUnit } from "../../base/durations";
import { DURATION_UNITS, readDuration } from "../../base/durations";
import type { Message } from "../../locale/locale";
import { t } from "../../locale/locale";
import type { Schema } from "../schema";

const UNIT_NAMES: Readonly<Record<DurationUnit, Message>> = {
  ms: "milliseconds",
  s: "seconds",
  m: "minutes",
  h: "hours",
  d: "days",
};
const PLAIN_NUMBER = /^\d+(?:[.,]\d+)?$/;

interface DurationControlProps {
  readonly common: Record<string, unknown>;
  readonly pointer: string;
  readonly schema: Schema;
  readonly value: Json | undefined;
  readonly isReadOnly: boolean;
  readonly onChange: (value: Json | undefined) => void;
}

/**
 * A number and its unit; the document keeps one text, "3d". Who types the unit, too, sees it chosen. What is no duration
 * is kept as it was typed, so that the message can stand at it.
 */
export function DurationControl({
  common,
  pointer,
  schema,
  value,
  isReadOnly,
  onChange,
}: DurationControlProps): React.JSX.Element {
  const usual = usualDuration(schema);
  const [chosen, setChosen] = useState<DurationUnit>(() => shownDuration(value)?.unit ?? usual?.unit ?? "m");
  const shown = shownDuration(value);
  const unit = shown?.unit ?? chosen;
  const typed = (text: string): void => {
    const next = durationTyped(text, unit);
    setChosen(readDuration(next)?.unit ?? unit);
    // A number of seconds stays one.
    onChange(typeof value === "number" && readDuration(next)?.unit === "s" ? Number.parseFloat(next ?? "") : next);
  };
  const choose = (next: DurationUnit): void => {
    setChosen(next);
    const amount = /\d+(?:[.,]\d+)?/.exec(textOf(value))?.[0];
    if (amount !== undefined) onChange(durationTyped(amount, next));
  };
  return (
    <div className="duration">
      <input
        {...common}
        type="text"
        inputMode="decimal"
        autoComplete="off"
        spellCheck={false}
        dir="ltr"
        value={shown?.amount ?? textOf(value)}
        placeholder={usual?.unit === unit ? usual.amount : undefined}
        onChange={(event) => typed(event.target.value)}
      />
      <select
        className="input"
        aria-label={t("Unit of time")}
        data-testid={`unit-${pointer}`}
        disabled={isReadOnly}
        value={unit}
        onChange={(event) => choose(event.target.value as DurationUnit)}
      >
        {DURATION_UNITS.filter((each) => each !== "ms" || unit === "ms").map((each) => (
          <option key={each} value={each}>
            {t(UNIT_NAMES[each])}
          </option>
        ))}
      </select>
    </div>
  );
}

/** What the document has when this was typed beside a unit. */
export function durationTyped(text: string, unit: DurationUnit): string | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  return PLAIN_NUMBER.test(trimmed) ? `${trimmed.replace(",", ".")}${unit}` : text;
}

function shownDuration(value: Json | undefined): Duration | undefined {
  return typeof value === "number" ? { amount: String(value), unit: "s" } : readDuration(value);
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** What is meant when nothing stands there, or what others write. */
function usualDuration(schema: Schema): Duration | undefined {
  const [example] = isList(schema.examples) ? schema.examples : [];
  return shownDuration(schema.default ?? undefined) ?? shownDuration(example);
}
