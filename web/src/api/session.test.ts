import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { api, connectTo, keptName, presentOwner, takeOver, useSession } from "./session";
import type { SessionState } from "./schema";

function stateOf(tenant: string, actor: string, csrf = "first"): SessionState {
  return { kind: "host", environment: "default", tenant, actor, csrf } as unknown as SessionState;
}

const REFUSED = { code: "csrf-refused", detail: "no" };

beforeEach(() => useSession.setState({ state: stateOf("acme", "user:ada"), isAsked: true, isLoginWanted: false }));
afterEach(() => {
  vi.unstubAllGlobals();
  localStorage.clear();
  useSession.setState({ state: undefined });
});

describe("a change with the token of another session", () => {
  it.each([
    ["as somebody else", "acme", "user:eve"],
    ["for another tenant", "globex", "user:ada"],
  ])("is not sent again %s", async (_, tenant, actor) => {
    const sent: string[] = [];
    vi.stubGlobal("fetch", (address: string, { method }: RequestInit) => {
      sent.push(`${method} ${address}`);
      const isRead = method === "GET";
      return Promise.resolve(Response.json(isRead ? stateOf(tenant, actor) : REFUSED, { status: isRead ? 200 : 403 }));
    });
    await expect(api.saveDraft("orders", {}, '"1"')).rejects.toMatchObject({ code: "csrf-refused" });
    expect(sent).toEqual(["PUT /api/workflows/orders/draft", "GET /api/session"]);
  });

  it("is sent again for the same one", async () => {
    vi.stubGlobal("fetch", (_: string, { method, headers }: RequestInit) => {
      if (method === "GET") return Promise.resolve(Response.json(stateOf("acme", "user:ada", "next")));
      const isNext = (headers as Record<string, string>)["Workflowkit-Csrf"] === "next";
      return Promise.resolve(isNext ? Response.json({ revision: 2 }) : Response.json(REFUSED, { status: 403 }));
    });
    await expect(api.saveDraft("orders", {}, '"1"')).resolves.toMatchObject({ etag: '"2"' });
  });
});

describe("what is kept", () => {
  it("goes with the session of somebody else", () => {
    for (const kind of ["edit", "stubs"] as const)
      localStorage.setItem(keptName(kind, presentOwner() ?? "", "a"), "{}");
    localStorage.setItem("theirs", "stays");
    takeOver(stateOf("globex", "user:eve"));
    expect(Object.keys(localStorage)).toEqual(["theirs"]);
  });

  it("is that of the host's token, at each moment", () => {
    let owner = { environment: "default", tenant: "acme", actor: "embed:Ada" };
    const connection = {
      root: "https://flows.example",
      key: () => "token",
      onUnauthenticated: () => Promise.resolve(false),
      owner: () => owner,
    };
    const before = connectTo(connection);
    onTestFinished(() => void connectTo(before));
    const ada = presentOwner();
    expect(ada).toBe("https%3A%2F%2Fflows.example/default/acme/embed%3AAda");
    connectTo(connection);
    expect(presentOwner()).toBe(ada);
    owner = { ...owner, tenant: "umbrella" };
    expect(presentOwner()).not.toBe(ada);
  });
});
