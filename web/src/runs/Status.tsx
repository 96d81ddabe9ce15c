import { statusText } from "./statuses";

/** The status of a run or a step, in a word. */
export function Status({ status }: { readonly status: string }): React.JSX.Element {
  return (
    <span className={`status status-${status}`} data-testid="status">
      {statusText(status)}
    </span>
  );
}
