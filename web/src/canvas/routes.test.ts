import { expect, it } from "vitest";
import { Routes } from "./routes";

const START = { x: 100, y: 60 };
const END = { x: 400, y: 600 };

function at(x: number, y: number): ReadonlyMap<string, { x: number; y: number }> {
  return new Map([["step", { x, y }]]);
}

it("routes are found anew when steps have come to rest, and while one is dragged only its own", () => {
  const routes = new Routes();
  routes.settle(at(900, 140), false);
  const first = routes.find("edge", START, END);
  expect(first).toEqual({});
  routes.settle(at(900, 140), false);
  expect(routes.find("edge", START, END)).toBe(first);
  routes.settle(at(0, 140), true);
  expect(routes.find("edge", START, END)).toBe(first);
  routes.settle(at(0, 140), false);
  expect(routes.find("edge", START, END)).toEqual({ bend: 100 });
  expect(routes.find("edge", START, { x: 100, y: 600 })).toEqual({ lane: -20 });
});
