import { useState } from "react";
import { toPointer } from "../../base/json";
import { listed, t, withPanelWords } from "../../locale/locale";
import { laterDialog } from "../../shell/later";
import { Button } from "../../shell/ui/Button";
import { KIND_WORDS } from "../builder/kinds";
import { formOf } from "../builder/rows";
import { useForm } from "../form";
import { humanize } from "../schema";
import type { ControlProps } from "./Field";
import "./several.css";

const FormDialog = laterDialog(() =>
  withPanelWords(() => import("../builder/FormDialog")).then((module) => module.FormDialog),
);

/** A form that somebody fills in later: what it asks for, and the dialog in which it is built. */
export function FormField({ path, value, id, label }: ControlProps): React.JSX.Element {
  const form = useForm();
  const [isOpen, setOpen] = useState(false);
  const rows = formOf(value)?.rows;
  const isThere = value !== undefined && value !== null;
  return (
    <>
      {rows === undefined && <p className="muted">{t("This form is written as JSON.")}</p>}
      {rows !== undefined && rows.length > 0 && (
        <ul className="form-asks" aria-label={label}>
          {rows.map((row) => (
            <li key={row.name}>
              <bdi>{row.label === "" ? humanize(row.name) : row.label}</bdi>{" "}
              <span className="muted">
                {listed([t(KIND_WORDS[row.kind]), ...(row.isRequired ? [t("Required")] : [])])}
              </span>
            </li>
          ))}
        </ul>
      )}
      {(isThere || !form.isReadOnly) && (
        <Button
          id={id}
          icon={form.isReadOnly ? "monitor" : "pencil"}
          className="form-edit"
          testId={`field-${toPointer(path)}`}
          onClick={() => setOpen(true)}
        >
          {form.isReadOnly ? t("Show the form") : isThere ? t("Edit the form") : t("Build a form")}
        </Button>
      )}
      {isOpen && (
        <FormDialog
          value={value}
          about={form.value}
          variables={form.variables}
          isReadOnly={form.isReadOnly}
          onChange={(next) => form.change(path, next)}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  );
}
