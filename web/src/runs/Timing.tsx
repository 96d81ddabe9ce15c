import { t } from "../locale/locale";
import { duration } from "../shell/times";
import { sharesOf } from "./timing";
import type { Bar } from "./waterfall";

/** What the time of a step was spent on, as a bar and in numbers. */
export function Timing({ bars }: { readonly bars: readonly Bar[] }): React.JSX.Element | null {
  const shares = sharesOf(bars);
  const total = shares.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  if (shares.length === 0) return null;
  return (
    <div className="timing" data-testid="timing">
      <div className="timing-bar" aria-hidden="true">
        {shares.map(({ kind, milliseconds }) => (
          <span key={kind} className={`timing-${kind}`} style={{ flexGrow: total === 0 ? 1 : milliseconds / total }} />
        ))}
      </div>
      <dl className="run-facts">
        {shares.map(({ kind, label, milliseconds }) => (
          <div key={kind}>
            <dt>
              <span className={`timing-mark timing-${kind}`} />
              {t(label)}
            </dt>
            <dd>{duration(milliseconds)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
