import type { RunPage } from "../api/schema";
import { setQuery, useAddress } from "../shell/routes";
import { fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";

const NUMBER = new Intl.NumberFormat();

/** How far the list has looked, where that is not all the way; and what could not be looked at. */
export function LookedNote({ page }: { readonly page: RunPage }): React.JSX.Element {
  const { looked, next_cursor } = page;
  const isFurther = useAddress().query.has("cursor");
  return (
    <div className="run-looked" aria-live="polite">
      {looked.is_stopped && (
        <p className="callout" data-testid="looked">
          <span className="grow">
            Looked through {NUMBER.format(looked.runs)} runs
            {looked.back_to !== null && <>, back to {fullTime(looked.back_to)}</>}. {looked.hint}
          </span>
          <Button onClick={() => setQuery({ cursor: next_cursor ?? undefined })}>Continue</Button>
        </p>
      )}
      {looked.unreadable > 0 && (
        <p className="muted" data-testid="unreadable">
          On {NUMBER.format(looked.unreadable)} runs the search could not be evaluated; they are left out.
        </p>
      )}
      {isFurther && (
        <Button look="quiet" onClick={() => setQuery({ cursor: undefined })}>
          Back to the newest
        </Button>
      )}
    </div>
  );
}
