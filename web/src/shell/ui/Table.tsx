import type { ReactNode } from "react";
import { ago, fullTime } from "../times";
import { Further } from "./Further";

/** One column of a table of `T`. */
export interface Column<T> {
  readonly head: string;
  /** A heading that only screen readers say, of what needs none for the eye. */
  readonly isHeadHidden?: boolean;
  readonly className?: string;
  readonly cell: (item: T) => ReactNode;
}

interface TableProps<T> {
  /** What the table is of: the name of the place that scrolls, and can be reached by keys there. */
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string;
  readonly testIdOf?: (item: T) => string;
  /** What to say instead of a table without lines. */
  readonly empty: ReactNode;
  /** Where those that follow are, if the list has pages. */
  readonly nextCursor?: string | null;
}

/**
 * A table in a frame that scrolls by itself, so that the page never does sideways. Where there is little room each line
 * is a card: the first cell heads it, and each of the others says what it is.
 */
export function Table<T>(props: TableProps<T>): React.JSX.Element {
  const { label, columns, items, keyOf, testIdOf, empty, nextCursor = null } = props;
  if (items.length === 0) return <div className="empty">{empty}</div>;
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
    <div className="card" role="region" aria-label={label} tabIndex={0}>
      <table className="table" aria-label={label}>
        <thead>
          <tr>
            {columns.map(({ head, isHeadHidden = false }) => (
              <th key={head} scope="col">
                {isHeadHidden ? <span className="visually-hidden">{head}</span> : head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={keyOf(item)} data-testid={testIdOf?.(item)}>
              {columns.map(({ head, isHeadHidden = false, className, cell }) => (
                <td key={head} className={className} data-head={isHeadHidden ? undefined : head}>
                  <div className="table-cell">{cell(item)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {nextCursor !== null && (
        <footer className="card-footer">
          <Further cursor={nextCursor} />
        </footer>
      )}
    </div>
  );
}

/** How long ago something was; the whole time is its title. */
export function Ago({ time, now }: { readonly time: string; readonly now?: number }): React.JSX.Element {
  return (
    <time className="table-time" dateTime={time} title={fullTime(time)}>
      {ago(time, now)}
    </time>
  );
}
