import type { LocatedProblem } from "../problems/locate";
import { Icon } from "../shell/ui/Icon";
import { problemText } from "../problems/words";

/** Problems that belong to no field. */
export function ProblemLines({ problems }: { readonly problems: readonly LocatedProblem[] }): React.JSX.Element | null {
  if (problems.length === 0) return null;
  return (
    <ul className="problem-lines">
      {problems.map(({ problem }) => (
        <li key={`${problem.pointer} ${problem.code}`} className={`field-error field-error-${problem.severity}`}>
          <Icon name="alert" size={13} />
          {problemText(problem)}
        </li>
      ))}
    </ul>
  );
}
