import { describe, expect, it } from "vitest";
import { pastLabel } from "./past";

const NOW = new Date("2026-03-04T12:00:00");
const TODAY = new Date("2026-03-04T09:05:07").toISOString();

describe("a past event", () => {
  it("is told by its time and its data", () => {
    expect(pastLabel({ received_at: TODAY, data: { order: "o-17", total: 12.5, lines: [1] } }, NOW)).toMatch(
      /9:05:07.*· order: o-17, total: 12\.5, lines: \[1\]$/,
    );
    expect(pastLabel({ received_at: TODAY, data: {} }, NOW)).not.toContain("·");
  });

  it("has the day if that is not today, and no more than a line of its data", () => {
    const before = new Date("2026-02-27T09:05:07").toISOString();
    const label = pastLabel({ received_at: before, data: { text: "long ".repeat(100) } }, NOW);
    expect(label).toMatch(/27.*9:05:07.*…$/);
    expect(label.length).toBeLessThan(100);
  });
});
