import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../base/json";
import { fromPointer, isList, isObject } from "../base/json";
import type { PatchOperation } from "./patch";
import { patchBetween } from "./patch";

/** Sets a property, also one that is called `__proto__`: JSON may have it, and an assignment would not make it. */
function define(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, configurable: true, enumerable: true, writable: true });
}

/** Does what RFC 6902 says, with none of the code under test. */
function patched(value: Json, operations: readonly PatchOperation[]): Json {
  const whole = { root: structuredClone(value) } as unknown as Record<string, unknown>;
  for (const operation of operations) {
    const keys = ["root", ...fromPointer(operation.path)];
    const last = keys.pop() as string;
    const parent = keys.reduce<unknown>((here, key) => (here as Record<string, unknown>)[key], whole);
    if (Array.isArray(parent)) {
      const index = Number(last);
      if (operation.op === "remove") parent.splice(index, 1);
      else parent.splice(index, operation.op === "add" ? 0 : 1, structuredClone(operation.value));
    } else if (operation.op === "remove") Reflect.deleteProperty(parent as object, last);
    else define(parent as object, last, structuredClone(operation.value));
  }
  return whole.root as Json;
}

const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as Json);

/** A value, and what some edits have made of it. */
const edited = fc.tuple(json, fc.array(fc.tuple(fc.nat(), fc.nat(), json), { maxLength: 4 })).map(([value, edits]) => {
  const change = (here: Json, [which, way, fresh]: readonly [number, number, Json]): Json => {
    if (isList(here) && here.length > 0) {
      const index = which % here.length;
      if (way % 3 === 0) return here.toSpliced(index, 1);
      if (way % 3 === 1) return here.toSpliced(index, 0, fresh);
      return here.with(index, change(here[index] ?? null, [which >> 2, way >> 2, fresh]));
    }
    if (!isObject(here)) return fresh;
    const keys = Object.keys(here);
    const key = keys[which % Math.max(keys.length, 1)] ?? "new";
    return way % 2 === 0 ? { ...here, [key]: change(here[key] ?? null, [which >> 1, way >> 1, fresh]) } : fresh;
  };
  return [value, edits.reduce(change, value)] as const;
});

describe("a patch", () => {
  it("makes the one out of the other, and back", () => {
    fc.assert(
      fc.property(fc.oneof(edited, fc.tuple(json, json)), ([before, after]) => {
        expect(patched(before, patchBetween(before, after))).toEqual(after);
        expect(patched(after, patchBetween(after, before))).toEqual(before);
      }),
      { numRuns: 2000 },
    );
  });

  it("names what has changed and nothing else", () => {
    const before = { name: "a", actions: [{ id: "x", inputs: { n: 1 } }, { id: "y" }, { id: "z" }], "a/b": 1 };
    const after = { name: "a", actions: [{ id: "x", inputs: { n: 2 } }, { id: "z" }], "a/b": 2 };
    expect(patchBetween(before, { ...after, actions: [{ id: "x", inputs: { n: 2 } }, ...before.actions.slice(1)] }))
      .toEqual([
        { op: "replace", path: "/actions/0/inputs/n", value: 2 },
        { op: "replace", path: "/a~1b", value: 2 },
      ]); // prettier-ignore
    expect(patchBetween(before, { ...before, actions: [...before.actions.slice(0, 1), { id: "z" }] })).toEqual([
      { op: "remove", path: "/actions/1" },
    ]);
    expect(patchBetween(before, structuredClone(before))).toEqual([]);
  });
});
