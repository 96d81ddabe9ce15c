import type { ListedWorkflow } from "../api/schema";
import { t } from "../locale/locale";
import { statusText } from "../runs/statuses";
import { pathTo } from "../shell/routes";
import { ago, fullTime } from "../shell/times";
import { Link } from "../shell/ui/Link";

interface LastRunsProps {
  readonly workflow: ListedWorkflow;
}

/** How the last runs of a workflow stand, a mark for each, the newest at the right, and the way to all of them. */
export function LastRuns({ workflow: { id, name, last_runs } }: LastRunsProps): React.JSX.Element {
  const allRuns = `${pathTo("runs")}?${new URLSearchParams({ workflow: id }).toString()}`;
  if (last_runs.length === 0) return <span className="muted">{t("None yet")}</span>;
  return (
    <div className="last-runs">
      <ol aria-label={t("Last runs of {name}", { name: name === "" ? id : name })}>
        {last_runs.toReversed().map((run) => (
          <li key={run.id}>
            <Link
              className={`run-mark status-${run.status}`}
              href={pathTo("runs", run.id)}
              aria-label={`${statusText(run.status)}, ${ago(run.created_at)}`}
              title={`${statusText(run.status)}, ${fullTime(run.created_at)}`}
            />
          </li>
        ))}
      </ol>
      <Link href={allRuns}>
        <span className="visually-hidden">{t("All runs, the last one:")} </span>
        {ago(last_runs[0]?.created_at ?? "")}
      </Link>
    </div>
  );
}
