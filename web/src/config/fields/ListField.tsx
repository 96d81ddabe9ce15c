import type { Json, Path } from "../../base/json";
import { isList } from "../../base/json";
import { Button, IconButton } from "../../shell/ui/Button";
import { useForm } from "../form";
import type { FieldSpec } from "../schema";
import { describe, initialValue } from "../schema";
import { Field } from "./Field";
import { t } from "../../locale/locale";

interface ListFieldProps {
  readonly path: Path;
  readonly spec: FieldSpec;
  readonly value: Json | undefined;
  readonly label: string;
}

/** The entries of a list, each with a field of its own. */
export function ListField({ path, spec, value, label }: ListFieldProps): React.JSX.Element {
  const form = useForm();
  const items = isList(value) ? value : [];
  const title = describe(spec.schema.items, form.root).title ?? t("Entry");
  const move = (from: number, to: number): void => {
    const moved = items.toSpliced(from, 1).toSpliced(to, 0, items[from] ?? null);
    form.change(path, moved);
  };
  return (
    <div className="list-field">
      {items.map((item, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- entries have nothing of their own to be told apart by
        <div className="list-item" key={index}>
          <Field
            path={[...path, index]}
            schema={spec.schema.items}
            value={item}
            label={`${title} ${index + 1}`}
            isRequired
          />
          {!form.isReadOnly && (
            <div className="list-buttons">
              {index > 0 && (
                <IconButton
                  icon="chevronDown"
                  className="small up"
                  label={t("Move {name} up", { name: `${label} ${index + 1}` })}
                  onClick={() => move(index, index - 1)}
                />
              )}
              <IconButton
                icon="trash"
                className="small"
                label={t("Remove {name}", { name: `${label} ${index + 1}` })}
                onClick={() => form.change(path, items.toSpliced(index, 1))}
              />
            </div>
          )}
        </div>
      ))}
      {!form.isReadOnly && (
        <Button
          icon="plus"
          look="quiet"
          className="field-add"
          onClick={() => form.change(path, [...items, initialValue(spec.schema.items, form.root)])}
        >
          {t("Add an entry")}
        </Button>
      )}
    </div>
  );
}
