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
      aria-label={label}
      placeholder={label}
      defaultValue={value}
      key={value}
      onBlur={(event) => setQuery({ [name]: event.target.value.trim(), cursor: undefined })}
      onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
    />
  );
}
