import { useState } from "react";
import type { Json } from "../../base/json";
import { isEqual } from "../../base/json";
import type { ScalarControlProps } from "./ScalarControl";
import { locale, t } from "../../locale/locale";

/** The control for a value of any type: text as it is typed, everything else as JSON. */
export function AnyControl(props: ScalarControlProps): React.JSX.Element {
  const { id, pointer, value, isReadOnly, onChange } = props;
  const [isJson, setJson] = useState(value !== undefined && typeof value !== "string");
  const showsJson = isJson || (value !== undefined && typeof value !== "string");
  return (
    <div className="any">
      <select
        className="input any-type"
        aria-label={t("Type of the value")}
        disabled={isReadOnly}
        value={showsJson ? "json" : "text"}
        onChange={(event) => {
          const toJson = event.target.value === "json";
          setJson(toJson);
          if (value !== undefined)
            onChange(toJson ? parsed(String(value)) : typeof value === "string" ? value : JSON.stringify(value));
        }}
      >
        <option value="text">{t("Text")}</option>
        <option value="json">JSON</option>
      </select>
      {showsJson ? (
        <JsonArea id={id} pointer={pointer} value={value} isReadOnly={isReadOnly} onChange={onChange} />
      ) : (
        <input
          id={id}
          className="input"
          autoComplete="off"
          data-testid={`field-${pointer}`}
          disabled={isReadOnly}
          value={typeof value === "string" ? value : ""}
          onChange={(event) => onChange(event.target.value === "" ? undefined : event.target.value)}
        />
      )}
    </div>
  );
}

/** A text as the JSON it is, or else as the text it is. */
function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

interface JsonAreaProps {
  readonly id: string;
  readonly pointer: string;
  readonly value: Json | undefined;
  readonly isReadOnly: boolean;
  readonly onChange: (value: Json | undefined) => void;
}

/** JSON as text. What cannot be read yet is kept as typed, and changes nothing. */
export function JsonArea({ id, pointer, value, isReadOnly, onChange }: JsonAreaProps): React.JSX.Element {
  const [draft, setDraft] = useState<{ text: string; value: Json | undefined; error?: string }>(() => ({
    text: write(value),
    value,
  }));
  // Undo and other editors change the value from outside: then it is shown as it is.
  const shown = isEqual(draft.value, value) || draft.error !== undefined ? draft.text : write(value);
  return (
    <>
      <textarea
        id={id}
        className="input mono"
        spellCheck={false}
        data-testid={`field-${pointer}`}
        disabled={isReadOnly}
        aria-invalid={draft.error !== undefined}
        value={shown}
        onChange={(event) => {
          const text = event.target.value;
          try {
            const next = text.trim() === "" ? undefined : (JSON.parse(text) as Json);
            setDraft({ text, value: next });
            onChange(next);
          } catch (error) {
            setDraft({
              text,
              value: draft.value,
              error: locale() === "en" && error instanceof Error ? error.message : "",
            });
          }
        }}
      />
      {draft.error !== undefined && (
        <span className="field-error">
          {t("This is not JSON.")} {draft.error}
        </span>
      )}
    </>
  );
}

function write(value: Json | undefined): string {
  return value === undefined ? "" : JSON.stringify(value, null, 2);
}
