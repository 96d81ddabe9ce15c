import type { RunPage } from "../api/schema";
import { counted, t, translated } from "../locale/locale";
import { setQuery, useAddress } from "../shell/routes";
import { fullTime } from "../shell/times";
import { Button } from "../shell/ui/Button";

/** How far the list has looked, where that is not all the way; and what could not be looked at. */
export function LookedNote({ page }: { readonly page: RunPage }): React.JSX.Element {
  const { looked, next_cursor } = page;
  const isFurther = useAddress().query.has("cursor");
  return (
    <div className="run-looked" aria-live="polite">
      {looked.is_stopped && (
        <p className="callout" data-testid="looked">
          <span className="grow">
            {lookedText(looked)} {looked.hint === null ? "" : translated(looked.hint)}
          </span>
          <Button onClick={() => setQuery({ cursor: next_cursor ?? undefined })}>{t("Continue")}</Button>
        </p>
      )}
      {looked.unreadable > 0 && (
        <p className="muted" data-testid="unreadable">
          {counted("On {count} runs the search could not be evaluated; they are left out.", looked.unreadable)}
        </p>
      )}
      {isFurther && (
        <Button look="quiet" onClick={() => setQuery({ cursor: undefined })}>
          {t("Back to the newest")}
        </Button>
      )}
    </div>
  );
}

function lookedText({ runs, back_to }: RunPage["looked"]): string {
  return back_to === null
    ? counted("Looked through {count} runs.", runs)
    : counted("Looked through {count} runs, back to {time}.", runs, { time: fullTime(back_to) });
}
