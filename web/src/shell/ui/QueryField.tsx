import { setQuery } from "../routes";

interface QueryFieldProps {
  readonly label: string;
  /** The parameter of the address that the field edits. */
  readonly name: string;
  readonly value: string;
}

/** A filter of a list that stands in the address: taken over when it is left or Enter is pressed, from the first page. */
export function QueryField({ label, name, value }: QueryFieldProps): React.JSX.Element {
  return (
    <input
      className="input page-search"
      type="search"
      name={name}
      aria-label={label}
      placeholder={label}
      defaultValue={value}
      key={value}
      onBlur={(event) => setQuery({ [name]: event.target.value.trim(), cursor: undefined })}
      onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
    />
  );
}

interface QuerySelectProps extends QueryFieldProps {
  readonly options: readonly string[];
  readonly labelOf?: (option: string) => string;
  /** What is chosen if the address says nothing; without it, there is always one of the options. */
  readonly none?: string;
}

/** The same, for one of a few. */
export function QuerySelect({ label, name, value, options, labelOf, none }: QuerySelectProps): React.JSX.Element {
  return (
    <select
      className="input page-filter"
      aria-label={label}
      value={value}
      onChange={(event) => setQuery({ [name]: event.target.value, cursor: undefined })}
    >
      {none !== undefined && <option value="">{none}</option>}
      {options.map((option) => (
        <option key={option} value={option}>
          {labelOf?.(option) ?? option}
        </option>
      ))}
    </select>
  );
}
