import type { EventType, EventTypePage } from "../api/schema";
import { counted, t } from "../locale/locale";
import { fullTime } from "../shell/times";

const HEIGHT = 24;
const [STEP, WIDTH] = [5, 4];
/** A part in which something came is never drawn as nothing. */
const LOWEST = 2;

interface VolumeProps {
  readonly type: EventType;
  readonly page: EventTypePage;
}

/** How many events of a name came when, as bars. */
export function Volume({ type, page }: VolumeProps): React.JSX.Element {
  const most = Math.max(1, ...type.counts);
  const peak = type.counts.indexOf(most);
  const startOf = (part: number): string =>
    fullTime(new Date(Date.parse(page.starts_at) + part * page.part_seconds * 1000).toISOString());
  const words =
    type.count === 0
      ? t("None came.")
      : counted("{count} came; most, {most}, from {time} on.", type.count, { most, time: startOf(peak) });
  return (
    <svg
      className="event-volume"
      role="img"
      aria-label={words}
      width={type.counts.length * STEP}
      height={HEIGHT}
      data-testid={`volume-${type.name}`}
    >
      <title>{words}</title>
      {type.counts.map((count, part) => {
        const height = count === 0 ? 1 : Math.max((HEIGHT * count) / most, LOWEST);
        return (
          <rect
            // oxlint-disable-next-line react/no-array-index-key -- a part is its place
            key={part}
            className={count === 0 ? "event-none" : "event-some"}
            data-count={count}
            x={part * STEP}
            y={HEIGHT - height}
            width={WIDTH}
            height={height}
          />
        );
      })}
    </svg>
  );
}
