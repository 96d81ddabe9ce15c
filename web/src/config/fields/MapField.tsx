import { useState } from "react";
import type { Json, JsonObject, Path } from "../../base/json";
import { isObject } from "../../base/json";
import { Button, IconButton } from "../../shell/ui/Button";
import { useForm } from "../form";
import type { FieldSpec } from "../schema";
import { initialValue } from "../schema";
import { Field } from "./Field";
import { t } from "../../locale/locale";

interface MapFieldProps {
  readonly path: Path;
  readonly spec: FieldSpec;
  readonly value: Json | undefined;
}

/** Values under names of one's own choice. */
export function MapField({ path, spec, value }: MapFieldProps): React.JSX.Element {
  const form = useForm();
  const entries = Object.entries(isObject(value) ? value : {});
  const valueSchema = isObject(spec.schema.additionalProperties) ? spec.schema.additionalProperties : {};
  const rename = (index: number, name: string): void => {
    form.change(
      path,
      Object.fromEntries(entries.map(([key, item], number) => [number === index ? name : key, item])) as JsonObject,
    );
  };
  return (
    <div className="list-field">
      {entries.map(([name, item], index) => (
        // oxlint-disable-next-line react/no-array-index-key -- the name is what is being edited
        <div className="list-item" key={index}>
          <div className="stack grow">
            <NameInput
              name={name}
              taken={entries.map(([key]) => key)}
              isReadOnly={form.isReadOnly}
              onRename={(next) => rename(index, next)}
            />
            <Field
              path={[...path, name]}
              schema={valueSchema}
              value={item}
              label={t("Value of {name}", { name })}
              isRequired
            />
          </div>
          {!form.isReadOnly && (
            <IconButton
              icon="trash"
              className="small"
              label={t("Remove {name}", { name })}
              onClick={() => form.change([...path, name], undefined)}
            />
          )}
        </div>
      ))}
      {!form.isReadOnly && (
        <Button
          icon="plus"
          look="quiet"
          className="field-add"
          onClick={() =>
            form.change(path, {
              ...Object.fromEntries(entries),
              [freeName(entries)]: initialValue(valueSchema, form.root),
            } as JsonObject)
          }
        >
          {t("Add a value")}
        </Button>
      )}
    </div>
  );
}

function freeName(entries: readonly (readonly [string, Json])[]): string {
  const names = new Set(entries.map(([name]) => name));
  let number = names.size + 1;
  while (names.has(`name_${number}`)) number += 1;
  return `name_${number}`;
}

interface NameInputProps {
  readonly name: string;
  readonly taken: readonly string[];
  readonly isReadOnly: boolean;
  readonly onRename: (name: string) => void;
}

/** The name counts when the field is left, so that half a name takes the place of no other. */
function NameInput({ name, taken, isReadOnly, onRename }: NameInputProps): React.JSX.Element {
  const [draft, setDraft] = useState<string | undefined>(undefined);
  const isTaken = draft !== undefined && draft !== name && taken.includes(draft);
  return (
    <input
      className="input mono"
      aria-label={t("Name")}
      disabled={isReadOnly}
      aria-invalid={isTaken}
      title={isTaken ? t("There is a value with this name.") : undefined}
      value={draft ?? name}
      onChange={(event) => setDraft(event.target.value)}
      onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
      onBlur={() => {
        if (draft !== undefined && draft !== "" && !isTaken && draft !== name) onRename(draft);
        setDraft(undefined);
      }}
    />
  );
}
