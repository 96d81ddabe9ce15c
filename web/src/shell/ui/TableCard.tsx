import type { ReactNode } from "react";

interface TableCardProps {
  /** What the table is of: the name of the place that scrolls on narrow screens, and can be reached by keys there. */
  readonly label: string;
  readonly children: ReactNode;
  readonly footer?: ReactNode;
}

/** A table in a frame that scrolls by itself, so that the page never does sideways. */
export function TableCard({ label, children, footer }: TableCardProps): React.JSX.Element {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
    <div className="card" role="region" aria-label={label} tabIndex={0}>
      <table className="table">{children}</table>
      {footer}
    </div>
  );
}
