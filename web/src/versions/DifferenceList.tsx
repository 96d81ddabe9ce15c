import type { Json } from "../base/json";
import { summary } from "../base/json";
import type { DocumentDifference, EntryDifference, FieldDifference } from "../document/diff";
import { isSame } from "../document/diff";
import { t } from "../locale/locale";

/** What differs, in words: steps, connections, and the workflow's own fields. */
export function DifferenceList({ difference }: { readonly difference: DocumentDifference }): React.JSX.Element {
  if (isSame(difference)) return <p className="muted">{t("There is no difference.")}</p>;
  return (
    <div className="stack" data-testid="diff">
      <Entries title={t("Steps")} entries={difference.actions} />
      <Entries title={t("Connections")} entries={difference.edges} />
      {difference.fields.length > 0 && (
        <section>
          <h3>{t("Workflow")}</h3>
          <Fields fields={difference.fields} />
        </section>
      )}
    </div>
  );
}

function Entries({
  title,
  entries,
}: {
  readonly title: string;
  readonly entries: readonly EntryDifference[];
}): React.JSX.Element | null {
  if (entries.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <ul className="diff-list">
        {entries.map((entry) => (
          <li key={entry.id} data-testid={`diff-${entry.id}`}>
            <span className={`diff-mark diff-${entry.change}`}>{t(entry.change)}</span> {entry.label}
            <Fields fields={entry.fields} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Fields({ fields }: { readonly fields: readonly FieldDifference[] }): React.JSX.Element | null {
  if (fields.length === 0) return null;
  return (
    <ul className="diff-fields">
      {fields.map(({ pointer, before, after }) => (
        <li key={pointer}>
          <code>{pointer}</code>
          <span className="diff-values">
            <Value value={before} className="diff-before" />
            <span aria-label={t("becomes")}>→</span>
            <Value value={after} className="diff-after" />
          </span>
        </li>
      ))}
    </ul>
  );
}

function Value({
  value,
  className,
}: {
  readonly value: Json | undefined;
  readonly className: string;
}): React.JSX.Element {
  return <span className={className}>{value === undefined ? t("nothing") : summary(value, 120)}</span>;
}
