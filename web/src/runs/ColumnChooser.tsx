import { t } from "../locale/locale";
import { setQuery } from "../shell/routes";
import { Icon } from "../shell/ui/Icon";

interface ColumnChooserProps {
  readonly columns: readonly string[];
}

function show(columns: readonly string[]): void {
  setQuery({ columns: columns.join("\n") });
}

/** Values of each run that the list shows as columns; they are in the address. */
export function ColumnChooser({ columns }: ColumnChooserProps): React.JSX.Element {
  const add = (field: HTMLInputElement): void => {
    const path = field.value.trim();
    if (path !== "" && !columns.includes(path)) show([...columns, path]);
    field.value = "";
  };
  return (
    <div className="run-columns" role="group" aria-label={t("Columns")}>
      {columns.map((path) => (
        <button
          key={path}
          type="button"
          className="tag run-column"
          aria-label={t("Remove the column {name}", { name: path })}
          onClick={() => show(columns.filter((other) => other !== path))}
        >
          <code>{path}</code>
          <Icon name="x" size={12} />
        </button>
      ))}
      <input
        className="input mono"
        aria-label={t("Add a column")}
        placeholder={t("Add a column: {example}", { example: "event.data.order_id" })}
        spellCheck={false}
        data-testid="add-column"
        onBlur={(event) => add(event.target)}
        onKeyDown={(event) => event.key === "Enter" && add(event.currentTarget)}
      />
    </div>
  );
}
