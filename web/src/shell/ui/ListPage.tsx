import type { ReactNode } from "react";
import type { ApiError } from "../../api/client";
import { capital } from "../../base/texts";
import { t } from "../../locale/locale";
import { Button } from "./Button";
import { Icon } from "./Icon";
import { Link } from "./Link";

interface ListPageProps {
  readonly title: string;
  /** The list that it is one of. */
  readonly back?: { readonly href: string; readonly label: string };
  /** What stands at the end of the heading's line: filters, then what can be done. */
  readonly actions?: ReactNode;
  /** Why there is nothing new to show, and how to ask again. */
  readonly error: ApiError | undefined;
  readonly onReload: () => void;
  /** Whether nothing has been loaded yet. */
  readonly isEmpty: boolean;
  readonly children: ReactNode;
}

/** The frame of the pages that show all there is of something: heading, what went wrong, and the list. */
export function ListPage(props: ListPageProps): React.JSX.Element {
  const { title, back, actions, error, onReload, isEmpty, children } = props;
  return (
    <main className="page">
      <header className="page-header">
        {back !== undefined && (
          <Link className="icon-button" href={back.href} aria-label={back.label} title={back.label}>
            <Icon name="arrowLeft" size={18} />
          </Link>
        )}
        <h1>{title}</h1>
        {actions}
      </header>
      {error !== undefined && (
        <p className="callout callout-error" role="alert">
          <span className="grow">{capital(error.message)}</span>
          <Button onClick={onReload}>{t("Try again")}</Button>
        </p>
      )}
      {isEmpty && error === undefined && <p className="page-wait">{t("Loading…")}</p>}
      {children}
    </main>
  );
}

/** A part of such a page, with a heading of its own. */
export function ListSection({ title, children }: Pick<ListPageProps, "title" | "children">): React.JSX.Element {
  return (
    <section className="page-section">
      <h2>{title}</h2>
      {children}
    </section>
  );
}
