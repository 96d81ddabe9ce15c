import type { RunDetail } from "../api/schema";
import { rich } from "../locale/rich";
import { pathTo } from "../shell/routes";
import { Link } from "../shell/ui/Link";
import { Failure } from "./parts";
import type { AttemptsOf } from "./summary";
import { failedAt, plainMessage, waitingAt } from "./summary";

interface RunSummaryProps {
  readonly run: RunDetail;
  readonly now: number;
  readonly attemptsOf: AttemptsOf;
}

/** Where the run failed and why, or what it waits for and until when: above everything else, also on a telephone. */
export function RunSummary({ run, now, attemptsOf }: RunSummaryProps): React.JSX.Element | null {
  const failed = failedAt(run);
  const waiting = waitingAt(run, now, attemptsOf);
  if (failed === undefined && waiting.length === 0) return null;
  return (
    <div className="run-summary" data-testid="run-summary">
      {failed !== undefined && (
        <Failure
          error={{ ...failed.error, message: plainMessage(failed.error.message) }}
          title={
            failed.step !== undefined && rich("Failed at {step}", { step: <StepLink run={run} step={failed.step} /> })
          }
        />
      )}
      {waiting.length > 0 && (
        <ul className="callout run-waiting">
          {waiting.map(({ step, words, failure }) => (
            <li key={`${step.id} ${words}`}>
              <StepLink run={run} step={step} />: {words}
              {failure !== "" && (
                <div className="run-failure" dir="auto">
                  {failure}
                </div>
              )}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

interface StepLinkProps {
  readonly run: Pick<RunDetail, "id">;
  readonly step: RunDetail["steps"][number];
}

function StepLink({ run, step }: StepLinkProps): React.JSX.Element {
  const query = new URLSearchParams({ step: step.id }).toString();
  return (
    <Link className="run-step-link" href={`${pathTo("runs", run.id)}?${query}`}>
      <bdi>{step.name}</bdi>
    </Link>
  );
}
