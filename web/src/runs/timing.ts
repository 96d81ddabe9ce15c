/** What the time of a step was spent on. Pure. */

import type { Message } from "../locale/locale";
import type { Bar, BarKind } from "./waterfall";

export interface Share {
  readonly kind: "queue" | "run" | "wait" | "retry";
  readonly label: Message;
  readonly milliseconds: number;
}

const LABELS: Readonly<Record<Share["kind"], Message>> = {
  queue: "In the queue",
  run: "Execution",
  wait: "Waiting",
  retry: "Retry pause",
};
/** Attempts that failed were executed, too. */
const KINDS: Readonly<Record<BarKind, Share["kind"]>> = {
  queue: "queue",
  run: "run",
  failed: "run",
  wait: "wait",
  retry: "retry",
};

/** How long a step was in the queue, was executed, waited, and stood still between attempts; what it never did is left out. */
export function sharesOf(bars: readonly Bar[]): readonly Share[] {
  const sums = new Map<Share["kind"], number>();
  for (const bar of bars) sums.set(KINDS[bar.kind], (sums.get(KINDS[bar.kind]) ?? 0) + bar.to - bar.from);
  return (Object.keys(LABELS) as Share["kind"][]).flatMap((kind) => {
    const milliseconds = sums.get(kind);
    return milliseconds === undefined ? [] : [{ kind, label: LABELS[kind], milliseconds }];
  });
}
