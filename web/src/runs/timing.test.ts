import { expect, it } from "vitest";
import { sharesOf } from "./timing";
import type { Bar, BarKind } from "./waterfall";

function bar(kind: BarKind, from: number, to: number): Bar {
  return { kind, from, to, label: "", isOpen: false };
}

it("the shares of a step add up to its time", () => {
  const bars = [
    bar("queue", 0, 5),
    bar("failed", 5, 15),
    bar("retry", 15, 40),
    bar("run", 40, 45),
    bar("wait", 45, 100),
    bar("run", 100, 110),
  ];
  const shares = sharesOf(bars);
  expect(shares.map(({ kind, milliseconds }) => [kind, milliseconds])).toEqual([
    ["queue", 5],
    ["run", 25],
    ["wait", 55],
    ["retry", 25],
  ]);
  expect(shares.reduce((sum, { milliseconds }) => sum + milliseconds, 0)).toBe(110);
});

it("what a step never did is left out", () => {
  expect(sharesOf([bar("run", 0, 3)]).map(({ kind }) => kind)).toEqual(["run"]);
});
