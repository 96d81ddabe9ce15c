import { useState } from "react";
import type { Json, JsonObject } from "../../base/json";
import { isObject } from "../../base/json";
import type { Variables } from "../../expressions/variables";
import { t } from "../../locale/locale";
import { Button } from "../../shell/ui/Button";
import { Dialog } from "../../shell/ui/Dialog";
import { JsonArea } from "../fields/AnyControl";
import "./builder.css";
import { FormPreview } from "./FormPreview";
import { FormRows } from "./FormRows";
import type { Form } from "./rows";
import { formOf, schemaOf } from "./rows";

interface FormDialogProps {
  readonly value: Json | undefined;
  /** The inputs of the step: what is asked. */
  readonly about: JsonObject;
  readonly variables: Variables | undefined;
  readonly isReadOnly: boolean;
  readonly onChange: (schema: JsonObject | undefined) => void;
  readonly onClose: () => void;
}

/** Builds a form that somebody fills in later: its fields as rows, or its schema as JSON, and how it will look. */
export function FormDialog(props: FormDialogProps): React.JSX.Element {
  const { value, about, variables, isReadOnly, onChange, onClose } = props;
  const [form, setForm] = useState(() => formOf(value));
  const [isJson, setJson] = useState(form === undefined);
  const readable = isJson ? formOf(value) : form;
  const write = (next: Form): void => {
    setForm(next);
    onChange(schemaOf(next));
  };
  return (
    <Dialog
      title={t("What is filled in")}
      size="large"
      testId="form-builder"
      onClose={onClose}
      footer={
        <Button look="primary" testId="form-done" onClick={onClose}>
          {t("Done")}
        </Button>
      }
    >
      <div className={isReadOnly ? "stack" : "builder"}>
        {!isReadOnly && (
          <div className="builder-side">
            <div className="segments" role="group" aria-label={t("How the form is written")}>
              <button
                type="button"
                aria-pressed={!isJson}
                disabled={readable === undefined}
                onClick={() => {
                  setForm(readable);
                  setJson(false);
                }}
              >
                {t("Fields")}
              </button>
              <button type="button" aria-pressed={isJson} onClick={() => setJson(true)}>
                JSON
              </button>
            </div>
            {isJson || form === undefined ? (
              <FormJson value={value} isReadable={readable !== undefined} onChange={onChange} />
            ) : (
              <FormRows form={form} onChange={write} />
            )}
          </div>
        )}
        <FormPreview schema={isObject(value) ? value : null} about={about} variables={variables} />
      </div>
    </Dialog>
  );
}

interface FormJsonProps {
  readonly value: Json | undefined;
  readonly isReadable: boolean;
  readonly onChange: (schema: JsonObject | undefined) => void;
}

function FormJson({ value, isReadable, onChange }: FormJsonProps): React.JSX.Element {
  const isForm = value === undefined || value === null || (isObject(value) && value.type === "object");
  return (
    <div className="field builder-json">
      <label className="field-label" htmlFor="form-json">
        {t("JSON Schema of the form")}
      </label>
      <JsonArea
        id="form-json"
        pointer="form-json"
        value={value ?? undefined}
        isReadOnly={false}
        onChange={(next) => onChange(next as JsonObject | undefined)}
      />
      {!isForm && <span className="field-error">{t("A form is a JSON Schema with the type “object”.")}</span>}
      {isForm && !isReadable && (
        <span className="field-help">{t("This form has more than rows can show, so it stays JSON.")}</span>
      )}
    </div>
  );
}
