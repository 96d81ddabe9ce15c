import type { IconName } from "../shell/ui/Icon";
import { Icon } from "../shell/ui/Icon";
import type { StepPaint } from "./painting";
import { statusWord } from "./painting";

const ICONS: Readonly<Record<string, IconName>> = {
  completed: "check",
  failed: "x",
  skipped: "minus",
  cancelled: "stop",
  running: "play",
  sleeping: "moon",
  waiting: "clock",
  ready: "clock",
  retrying: "redo",
  held: "lock",
};

/** What became of a step, below its name: around its box are connections, and what is written on them. */
export function StateBadge({ paint }: { readonly paint: StepPaint }): React.JSX.Element {
  const word = statusWord(paint.status);
  return (
    <span className={`step-state step-state-${paint.status}`} title={word} data-testid="step-state">
      <Icon name={ICONS[paint.status] ?? "clock"} size={12} />
      <bdi>{paint.note === "" ? word : paint.note}</bdi>
    </span>
  );
}
