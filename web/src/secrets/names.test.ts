import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { SessionState } from "../api/schema";
import { useSession } from "../api/session";
import { loadSecretNames, useSecretNames } from "./names";

function enter(tenant: string): void {
  const state = { kind: "user", environment: "default", tenant, actor: "user:ada" } as unknown as SessionState;
  useSession.setState({ state });
}

function Names(): string {
  return JSON.stringify(useSecretNames(({ names }) => names) ?? null);
}

const answers: ((response: Response) => void)[] = [];

async function answer(index: number, name: string): Promise<void> {
  await act(async () => {
    answers[index]?.(Response.json({ items: [{ name }], next_cursor: null }));
    await new Promise((resolve) => setTimeout(resolve));
  });
}

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  vi.stubGlobal("fetch", () => new Promise<Response>((resolve) => answers.push(resolve)));
});
afterEach(() => {
  vi.unstubAllGlobals();
  useSession.setState({ state: undefined });
});

it("names of secrets are offered to those only for whom they were asked", async () => {
  const container = document.createElement("div");
  const root = createRoot(container);
  const draw = (): void => act(() => root.render(createElement(Names, { key: useSession.getState().state?.tenant })));
  enter("acme");
  draw();
  void loadSecretNames();
  void loadSecretNames();
  await answer(0, "of_acme");
  expect([container.textContent, answers.length]).toEqual(['["of_acme"]', 1]);
  void loadSecretNames();
  enter("globex");
  draw();
  expect(container.textContent).toBe("null");
  void loadSecretNames();
  await answer(2, "of_globex");
  await answer(1, "of_acme");
  expect(container.textContent).toBe('["of_globex"]');
  act(() => root.unmount());
});
