import { describe, expect, it } from "vitest";
import { freePlace, pastePlace, takenPlaces } from "./geometry";

describe("places on the canvas", () => {
  it("are not those of notes", () => {
    const taken = takenPlaces([{ x: 0, y: 0 }], [{ x: 300, y: 100 }]);
    expect(freePlace({ x: 300, y: 100 }, taken)).toEqual({ x: 580, y: 100 });
    expect(freePlace({ x: 300, y: 200 }, taken)).toEqual({ x: 580, y: 200 });
    expect(freePlace({ x: 300, y: 260 }, taken)).toEqual({ x: 300, y: 260 });
  });

  it("of copied steps are around the middle of what is in view, with all of them free", () => {
    const copied = [
      { x: 5000, y: 5000 },
      { x: 5000, y: 5200 },
    ];
    expect(pastePlace(copied, { x: 100, y: 100 }, [])).toEqual({ x: 100, y: 0 });
    // The second one would lie on a step.
    expect(pastePlace(copied, { x: 100, y: 100 }, [{ x: 100, y: 200 }])).toEqual({ x: 380, y: 0 });
    expect(pastePlace([], { x: 100, y: 100 }, [])).toEqual({ x: 100, y: 100 });
  });
});
