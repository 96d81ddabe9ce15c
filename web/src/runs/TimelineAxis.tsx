import { useState } from "react";
import { t } from "../locale/locale";
import { duration } from "../shell/times";
import { IconButton } from "../shell/ui/Button";
import { marksOf } from "./waterfall";
import type { Span } from "./zoom";
import { brushed, keyed, zoomed } from "./zoom";

interface TimelineAxisProps {
  readonly all: Span;
  readonly view: Span;
  /** `undefined` shows all. */
  readonly onView: (view: Span | undefined) => void;
}

/** The marks of time. Dragging over them shows that part; with the focus here, so do + and -, and arrows move it. */
export function TimelineAxis({ all, view, onView }: TimelineAxisProps): React.JSX.Element {
  const [brush, setBrush] = useState<{ readonly from: number; readonly to: number } | undefined>(undefined);
  const isZoomed = view.end - view.start < all.end - all.start;
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const next = keyed(event.key, view, all);
    if (next === undefined || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    onView(next ?? undefined);
  };
  return (
    <div className="waterfall-row waterfall-axis">
      <span className="waterfall-label">
        {t("Timeline")}
        <span className="grow" />
        <IconButton
          icon="minus"
          label={t("Look at more of the timeline")}
          disabled={!isZoomed}
          onClick={() => onView(zoomed(view, 2, all))}
        />
        <IconButton
          icon="plus"
          label={t("Look closer at the timeline")}
          onClick={() => onView(zoomed(view, 0.5, all))}
        />
        <IconButton
          icon="fit"
          label={t("Show the whole timeline")}
          disabled={!isZoomed}
          onClick={() => onView(undefined)}
        />
      </span>
      <span
        className="waterfall-track waterfall-brush"
        role="slider"
        aria-label={t("Part of the timeline: plus and minus zoom, arrows move, Escape shows all")}
        aria-valuemin={0}
        aria-valuemax={Math.round(all.end - all.start)}
        aria-valuenow={Math.round(view.start - all.start)}
        aria-valuetext={t("{from} to {to}", {
          from: duration(view.start - all.start),
          to: duration(view.end - all.start),
        })}
        tabIndex={0}
        data-testid="timeline-brush"
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          const at = placeOf(event);
          setBrush({ from: at, to: at });
        }}
        onPointerMove={(event) => brush !== undefined && setBrush({ ...brush, to: placeOf(event) })}
        onPointerUp={() => {
          if (brush !== undefined) onView(brushed(view, brush.from, brush.to, all) ?? view);
          setBrush(undefined);
        }}
        onPointerCancel={() => setBrush(undefined)}
        onDoubleClick={() => onView(undefined)}
      >
        {marksOf(view, all.start).map((mark) => (
          <span
            key={mark}
            className="waterfall-mark"
            style={{ left: `${(100 * (mark - view.start + all.start)) / (view.end - view.start)}%` }}
          >
            <bdi>{mark === 0 ? "0" : duration(mark)}</bdi>
          </span>
        ))}
        {brush !== undefined && (
          <span
            className="waterfall-brushed"
            style={{
              left: `${100 * Math.min(brush.from, brush.to)}%`,
              width: `${100 * Math.abs(brush.to - brush.from)}%`,
            }}
          />
        )}
      </span>
    </div>
  );
}

/** Where the pointer is on the axis: 0 at its start, 1 at its end. */
function placeOf(event: React.PointerEvent): number {
  const box = event.currentTarget.getBoundingClientRect();
  return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
}
