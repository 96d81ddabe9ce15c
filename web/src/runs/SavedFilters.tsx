import { useState } from "react";
import { presentOwner, useSession } from "../api/session";
import { t } from "../locale/locale";
import { notify } from "../shell/notices";
import { setQuery } from "../shell/routes";
import { Button } from "../shell/ui/Button";
import { Dialog } from "../shell/ui/Dialog";
import { LabelledField } from "../shell/ui/LabelledField";
import type { SavedFilter } from "./filter";
import { FILTERS, filterText, storedFilters, withSaved } from "./filter";

interface SavedFiltersProps {
  readonly query: URLSearchParams;
}

/** Filters with names, as somebody keeps them in this browser; others who use it have their own. */
export function SavedFilters({ query }: SavedFiltersProps): React.JSX.Element | null {
  const { state } = useSession();
  const owner = presentOwner();
  if (owner === undefined) return null;
  // What was kept by a version before did not say on which server.
  const old = `workflowkit.filters.${state?.environment}/${state?.tenant}/${state?.actor}`;
  return <Filters key={owner} query={query} place={`workflowkit.filters.${owner}`} old={old} />;
}

interface FiltersProps extends SavedFiltersProps {
  /** Under which name they are kept in this browser, and under which they once were. */
  readonly place: string;
  readonly old: string;
}

function Filters({ query, place, old }: FiltersProps): React.JSX.Element {
  const [saved, setSaved] = useState(() => storedFilters(place, old));
  const [isNaming, setNaming] = useState(false);
  const present = filterText(query);
  const chosen = saved.find((filter) => filter.query === present);
  const keep = (next: readonly SavedFilter[]): void => {
    setSaved(next);
    try {
      localStorage.setItem(place, JSON.stringify(next));
    } catch {
      notify(t("The browser does not keep anything here: the filter is gone with this page."), "error");
    }
  };
  const choose = (name: string): void => {
    const wanted = new URLSearchParams(saved.find((filter) => filter.name === name)?.query ?? "");
    setQuery(Object.fromEntries([...FILTERS.map((field) => [field, wanted.get(field) ?? ""]), ["cursor", ""]]));
  };
  return (
    <>
      {saved.length > 0 && (
        <select
          className="input page-filter"
          aria-label={t("Saved filters")}
          value={chosen?.name ?? ""}
          onChange={(event) => choose(event.target.value)}
        >
          <option value="">{t("Saved filters")}</option>
          {saved.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      )}
      {chosen !== undefined && (
        <Button onClick={() => keep(saved.filter((filter) => filter !== chosen))}>{t("Delete filter")}</Button>
      )}
      {chosen === undefined && present !== "" && <Button onClick={() => setNaming(true)}>{t("Save filter…")}</Button>}
      {isNaming && (
        <NameDialog
          onClose={() => setNaming(false)}
          onName={(name) => {
            keep(withSaved(saved, { name, query: present }));
            setNaming(false);
          }}
        />
      )}
    </>
  );
}

interface NameDialogProps {
  readonly onName: (name: string) => void;
  readonly onClose: () => void;
}

function NameDialog({ onName, onClose }: NameDialogProps): React.JSX.Element {
  const [name, setName] = useState("");
  const save = (): void => {
    if (name.trim() !== "") onName(name.trim());
  };
  return (
    <Dialog
      title={t("Save this filter")}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="primary" disabled={name.trim() === ""} testId="save-filter" onClick={save}>
            {t("Save")}
          </Button>
        </>
      }
    >
      <LabelledField label={t("Name")} help={t("It is kept in this browser only.")}>
        <input
          className="input"
          value={name}
          maxLength={60}
          data-testid="filter-name"
          onChange={(event) => setName(event.target.value)}
          onKeyDown={(event) => event.key === "Enter" && save()}
        />
      </LabelledField>
    </Dialog>
  );
}
