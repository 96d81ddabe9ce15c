/** What the panels about runs and steps are made of. */

import type { ReactNode } from "react";
import type { ActionError, ChildRun, RunDetail, Step } from "../api/schema";
import { t } from "../locale/locale";
import { pathTo } from "../shell/routes";
import { Link } from "../shell/ui/Link";
import { Status } from "./Status";

export function Section({ title, children }: { readonly title: string; readonly children: ReactNode }): ReactNode {
  return (
    <section className="run-section" aria-label={title}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

export function Facts({ facts }: { readonly facts: readonly (readonly [string, ReactNode])[] }): React.JSX.Element {
  return (
    <dl className="run-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

interface FailureProps {
  readonly error: ActionError;
  /** What stands above it, such as where it went wrong. */
  readonly title?: ReactNode;
}

/** What went wrong, and whether trying again could have helped; what the error is called is for those who ask. */
export function Failure({ error, title }: FailureProps): React.JSX.Element {
  return (
    <div className="run-error" data-testid="run-error">
      {title !== undefined && title !== false && <p className="run-error-title">{title}</p>}
      <p className="run-error-text">{error.message}</p>
      {!error.retryable && <p className="muted">{t("Trying again would not help.")}</p>}
      <details>
        <summary>{t("Details")}</summary>
        <p dir="ltr">
          <strong>{error.name}</strong> <code>{error.code}</code>
        </p>
      </details>
    </div>
  );
}

export function RunLinks({ runs }: { readonly runs: readonly ChildRun[] }): React.JSX.Element {
  return (
    <ul className="run-links">
      {runs.map((run) => (
        <li key={run.id}>
          <Link className="table-link" href={pathTo("runs", run.id)}>
            {run.key === null ? run.workflow_id : t("Item {key}", { key: run.key })}
          </Link>
          <Status status={run.status} />
        </li>
      ))}
    </ul>
  );
}

/** Whether there is something to show: what has failed returned nothing, and its null would say that it did. */
export function hasOutput({ status, output }: Pick<RunDetail | Step, "status" | "output">): boolean {
  return status === "completed" || output !== null;
}
