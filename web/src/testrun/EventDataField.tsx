import { useState } from "react";
import type { JsonObject } from "../base/json";
import "../config/config.css";
import type { FieldMessage } from "../config/form";
import type { Schema } from "../config/schema";
import { SchemaForm } from "../config/SchemaForm";
import { t } from "../locale/locale";

interface EventDataFieldProps {
  /** The data as JSON: the one truth, whichever way it is edited. */
  readonly text: string;
  /** The data; none while the text is no JSON object. */
  readonly data: JsonObject | undefined;
  readonly schema: Schema | undefined;
  /** Whether the form comes first: the workflow says so itself, or it is known which fields it reads. */
  readonly isFormFirst: boolean;
  /** What the server has found wrong, by pointer into the data. */
  readonly problems?: ReadonlyMap<string, FieldMessage>;
  readonly onText: (text: string) => void;
  /** `pointer` is that of the field. */
  readonly onForm: (data: JsonObject, pointer: string) => void;
}

const NONE: ReadonlyMap<string, FieldMessage> = new Map();
const TABS = ["form", "json"] as const;

/** The data of the event: as a form where its schema is known, and as JSON. */
export function EventDataField(props: EventDataFieldProps): React.JSX.Element {
  const { text, data, schema, isFormFirst, problems = NONE, onText, onForm } = props;
  const [wanted, setWanted] = useState<(typeof TABS)[number] | undefined>(undefined);
  const canForm = schema !== undefined && data !== undefined;
  const tab = canForm ? (wanted ?? (isFormFirst ? "form" : "json")) : "json";
  return (
    <div className="stack">
      <div className="segments" role="tablist" aria-label={t("Data of the event")}>
        {TABS.map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            aria-selected={name === tab}
            disabled={name === "form" && !canForm}
            data-testid={`test-tab-${name}`}
            onClick={() => setWanted(name)}
          >
            {name === "form" ? t("Form") : "JSON"}
          </button>
        ))}
      </div>
      {canForm && tab === "form" ? (
        <div data-testid="test-form">
          <SchemaForm
            schema={schema}
            value={data}
            problems={problems}
            variables={undefined}
            isReadOnly={false}
            onChange={onForm}
          />
        </div>
      ) : (
        <label className="field">
          <span className="field-label">{t("Data")}</span>
          <textarea
            className="input mono"
            dir="ltr"
            spellCheck={false}
            data-testid="test-data"
            aria-invalid={data === undefined}
            value={text}
            onChange={(event) => onText(event.target.value)}
          />
          {data === undefined && <span className="field-error">{t("This has to be a JSON object.")}</span>}
        </label>
      )}
    </div>
  );
}
