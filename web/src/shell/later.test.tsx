import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SessionState } from "../api/schema";
import { keptName, presentOwner, useSession } from "../api/session";
import { Boundary, later, reportCaught } from "./later";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

function Hello(): React.JSX.Element {
  return <p>hello</p>;
}

function Broken(): React.JSX.Element {
  throw new Error("broken");
}

function page(about: string, inside: React.JSX.Element): React.JSX.Element {
  return (
    <>
      <i>beside</i>
      <Boundary about={about}>{inside}</Boundary>
    </>
  );
}

describe("a part that is loaded later", () => {
  let container: HTMLElement;
  let root: ReturnType<typeof createRoot>;

  beforeEach(() => {
    container = document.createElement("div");
    document.body.append(container);
    root = createRoot(container, { onCaughtError: reportCaught });
  });
  afterEach(async () => {
    await act(async () => root.unmount());
    container.remove();
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
    localStorage.clear();
    sessionStorage.clear();
    useSession.setState({ state: undefined });
  });

  const draw = (inside: React.JSX.Element): Promise<void> => act(async () => root.render(inside));

  it("is asked for again when somebody wants that, and only then", async () => {
    const told = vi.spyOn(console, "error").mockReturnValue();
    let isOffline = true;
    const load = vi.fn(() => (isOffline ? Promise.reject(new Error("offline")) : Promise.resolve(Hello)));
    const Part = later(load);
    await draw(
      <Boundary>
        <Part />
      </Boundary>,
    );
    expect(container.textContent).toContain("This part could not be loaded");
    const retry = (): Promise<void> =>
      act(async () => container.querySelector<HTMLElement>("[data-testid=retry-part]")?.click());
    await retry();
    expect(container.textContent).toContain("This part could not be loaded");
    expect(load).toHaveBeenCalledTimes(2);
    isOffline = false;
    await retry();
    expect(container.textContent).toBe("hello");
    expect(told).not.toHaveBeenCalled();
  });

  it.each([
    ["unless one's own edits wait for the server", "", 0],
    ["whatever others have left in this browser", "-not", 1],
  ])("is one of the present version after a deployment, %s", async (_, other, times) => {
    const reload = vi.fn();
    vi.stubGlobal("location", { reload });
    const state = { kind: "user", environment: "default", tenant: "acme", actor: "user:ada" };
    useSession.setState({ state: state as unknown as SessionState });
    localStorage.setItem(keptName("edit", `${presentOwner() ?? ""}${other}`, "orders"), "{}");
    const Part = later(() => Promise.reject(new Error("gone")));
    await draw(
      <Boundary isPage>
        <Part />
      </Boundary>,
    );
    expect(reload).toHaveBeenCalledTimes(times);
  });

  it("takes nothing else along when it fails, and is told to the console", async () => {
    const told = vi.spyOn(console, "error").mockReturnValue();
    await draw(page("a", <Broken />));
    expect(container.textContent).toContain("beside");
    expect(container.textContent).toContain("Something went wrong here");
    expect(told).toHaveBeenCalledTimes(1);
    await draw(page("b", <Hello />));
    expect(container.textContent).toBe("besidehello");
  });
});
