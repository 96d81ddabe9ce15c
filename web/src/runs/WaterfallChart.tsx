import { useState } from "react";
import { listed, t } from "../locale/locale";
import { pathTo } from "../shell/routes";
import { duration } from "../shell/times";
import { Link } from "../shell/ui/Link";
import { statusText } from "./statuses";
import { TimelineAxis } from "./TimelineAxis";
import type { Bar, Row, Waterfall } from "./waterfall";
import { extentOf } from "./waterfall";
import type { Span } from "./zoom";
import { within } from "./zoom";

interface WaterfallChartProps {
  readonly waterfall: Waterfall;
  readonly selected: string | undefined;
  readonly onSelect: (step: string | undefined) => void;
}

/** When what happened: a row for each step, with a bar for each attempt and each wait. */
export function WaterfallChart({ waterfall, selected, onSelect }: WaterfallChartProps): React.JSX.Element {
  const [chosen, setChosen] = useState<Span | undefined>(undefined);
  const view = chosen === undefined ? waterfall : within(chosen, waterfall);
  return (
    <section className="waterfall" aria-label={t("Timeline")} data-testid="waterfall">
      <TimelineAxis all={waterfall} view={view} onView={setChosen} />
      {waterfall.rows.map((row) => (
        <div key={row.key} className="waterfall-line">
          <button
            type="button"
            className="waterfall-row"
            aria-pressed={row.depth === 0 && row.step === selected}
            data-testid={`row-${row.key}`}
            onClick={() => onSelect(row.step)}
          >
            <span className={`waterfall-label waterfall-depth-${row.depth}`}>
              <span className={`dot dot-${row.status}`} />
              <bdi className="waterfall-name">{row.label}</bdi>
              <span className="visually-hidden">, {spoken(row)}</span>
            </span>
            <span className="waterfall-track">
              {row.bars.map((bar) => (
                <BarBox key={`${bar.kind}-${bar.from}-${bar.label}`} bar={bar} view={view} />
              ))}
            </span>
          </button>
          {row.childRun !== undefined && (
            <Link className="waterfall-open" href={pathTo("runs", row.childRun)}>
              {t("Open")}
            </Link>
          )}
        </div>
      ))}
    </section>
  );
}

function BarBox({ bar, view }: { readonly bar: Bar; readonly view: Span }): React.JSX.Element {
  const { left, width } = extentOf(bar, view);
  return (
    <span
      className={`bar bar-${bar.kind} ${bar.isOpen ? "bar-open" : ""}`}
      data-kind={bar.kind}
      style={{ left: `${left}%`, width: `${width}%` }}
      title={`${bar.label}: ${duration(bar.to - bar.from)}`}
    />
  );
}

function spoken(row: Row): string {
  const bars = row.bars.map((bar) => `${bar.label} ${duration(bar.to - bar.from)}`);
  return listed([statusText(row.status), ...bars]);
}
