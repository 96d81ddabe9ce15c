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

/** What became of a step, at the edge of its box. */
export function StateBadge({ paint }: { readonly paint: StepPaint }): React.JSX.Element {
  const word = statusWord(paint.status);
  return (
    <span className={`step-state step-state-${paint.status}`} title={word} data-testid="step-state">
      <Icon name={ICONS[paint.status] ?? "clock"} size={12} />
      {paint.note === "" ? word : paint.note}
    </span>
  );
}
