import { describe, expect, it } from "vitest";
import { openWays } from "./adders";
import { NODE_WIDTH, wayOffset } from "./geometry";

const WAYS = Array.from({ length: 5 }, (_, index) => ({ name: `way ${index}` }));
/** The longest that a sign becomes, and how far it reaches past its own handle. */
const LONGEST = 160;
const PAST = 13;
const HEIGHT = 24;

interface Box {
  readonly from: number;
  readonly to: number;
  readonly top: number;
  readonly handle: number;
}

function boxes(count: number, taken: readonly number[]): readonly Box[] {
  const ways = WAYS.slice(0, count);
  return openWays(ways, (index) => !taken.includes(index), taken).map(({ index, side, down }) => {
    const handle = wayOffset(index, count);
    const width = side === 0 ? 2 * (NODE_WIDTH / (count + 1)) - PAST : LONGEST;
    const from = side < 0 ? handle + PAST - width : side > 0 ? handle - PAST : handle - width / 2;
    return { from, to: from + width, top: down, handle };
  });
}

/** All choices of ways that connections take, but for that of all of them. */
function choices(count: number): readonly (readonly number[])[] {
  return Array.from({ length: 2 ** count - 1 }, (_, bits) =>
    Array.from({ length: count }, (__, index) => index).filter((index) => ((bits >> index) & 1) === 1),
  );
}

const CASES = [1, 2, 3, 4].flatMap((count) => choices(count).map((taken) => ({ count, taken })));

describe("signs for adding a step to one of several ways", () => {
  it.each(CASES)("of $count ways with $taken taken have names that do not meet", ({ count, taken }) => {
    const drawn = boxes(count, taken);
    for (const [at, one] of drawn.entries())
      for (const other of drawn.slice(at + 1)) {
        const isApart = one.top + HEIGHT <= other.top || other.top + HEIGHT <= one.top;
        expect(isApart || one.to <= other.from || other.to <= one.from).toBe(true);
      }
  });

  it.each(CASES)("of $count ways with $taken taken lie on no line to another sign or to a step", ({ count, taken }) => {
    const drawn = boxes(count, taken);
    for (const one of drawn) {
      for (const other of drawn)
        if (other.top > one.top) expect(one.from < other.handle && other.handle < one.to).toBe(false);
      for (const index of taken) {
        const handle = wayOffset(index, count);
        expect(one.from < handle && handle < one.to).toBe(false);
      }
    }
  });

  it("leave the names of connections their room, which are just above the step that follows", () => {
    for (const { count, taken } of CASES.filter((each) => each.count < 4 && each.taken.length > 0))
      for (const { top } of boxes(count, taken)) expect(top + HEIGHT).toBeLessThanOrEqual(54);
  });

  it("stands below the middle of a step that has one way", () => {
    expect(openWays([{}], () => true, [])).toEqual([{ index: 0, way: {}, side: 0, down: 18 }]);
  });
});
