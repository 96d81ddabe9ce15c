import { capital } from "../base/texts";
import { t } from "../locale/locale";
import { QueryField, QuerySelect } from "../shell/ui/QueryField";
import { WorkflowField } from "../workflows/WorkflowField";
import { ColumnChooser } from "./ColumnChooser";
import { SPANS, columnsOf, spanLabel } from "./filter";
import { SearchField } from "./SearchField";
import { statusText } from "./statuses";

const STATUSES = ["scheduled", "queued", "running", "waiting", "completed", "failed", "cancelled"] as const;

interface RunFiltersProps {
  readonly query: URLSearchParams;
  /** What is wrong, by the parameter of the API. */
  readonly problems: ReadonlyMap<string, string>;
}

/** Says which runs the list shows, and which of their values. All of it is in the address. */
export function RunFilters({ query, problems }: RunFiltersProps): React.JSX.Element {
  const read = (name: string): string => query.get(name) ?? "";
  const others = [...problems].filter(([name]) => name !== "where" && name !== "contains");
  return (
    <div className="run-filters">
      <SearchField value={read("where")} problem={problems.get("where") ?? problems.get("contains")} />
      <div className="run-filter-line">
        <QuerySelect
          label={t("Status")}
          name="status"
          value={read("status")}
          none={t("Any status")}
          options={STATUSES}
          labelOf={(status) => capital(statusText(status))}
        />
        <QuerySelect
          label={t("Time")}
          name="since"
          value={read("since")}
          none={t("Any time")}
          options={Object.keys(SPANS)}
          labelOf={spanLabel}
        />
        <WorkflowField value={read("workflow")} />
        <QueryField label={t("Version")} name="version" value={read("version")} />
        <ColumnChooser columns={columnsOf(query)} />
      </div>
      {others.map(([name, message]) => (
        <p key={name} className="field-error" role="alert">
          {name}: {message}
        </p>
      ))}
    </div>
  );
}
