import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { api, askSession, connectTo, keptName, presentOwner, takeOver, useSession } from "./session";
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

describe("who the page is used by", () => {
  it("is not told by an answer that is late", async () => {
    const answers: ((response: Response) => void)[] = [];
    vi.stubGlobal("fetch", () => new Promise<Response>((resolve) => answers.push(resolve)));
    const late = askSession();
    takeOver(stateOf("acme", "user:eve"));
    answers[0]?.(Response.json(stateOf("acme", "user:ada")));
    expect((await late)?.actor).toBe("user:eve");
    const [first, second] = [askSession(), askSession()];
    answers[2]?.(Response.json(stateOf("acme", "user:zoe")));
    await second;
    answers[1]?.(Response.json(stateOf("acme", "user:eve")));
    await first;
    expect(useSession.getState().state?.actor).toBe("user:zoe");
  });
});

describe("a change that waits for another token of the host's", () => {
  it.each([
    ["is sent again for the same user", ["embed:Ada", "embed:Ada"], 2],
    ["is not sent again for somebody else", ["embed:Ada", "embed:Eve"], 1],
    ["is not sent again for whoever comes, once nobody was there", [undefined, "embed:Eve"], 1],
  ])("%s", async (_, [before, after], times) => {
    let actor = before;
    const connection = {
      root: "https://flows.example",
      key: () => actor,
      onUnauthenticated: () => Promise.resolve(true),
      owner: () => (actor === undefined ? undefined : { environment: "default", tenant: "acme", actor }),
    };
    const original = connectTo(connection);
    onTestFinished(() => void connectTo(original));
    const sent: unknown[] = [];
    vi.stubGlobal("fetch", (_address: string, { headers }: RequestInit) => {
      sent.push(headers);
      // Another one is set while the first request is on its way.
      actor = after;
      return Promise.resolve(Response.json({ code: "unauthenticated", detail: "" }, { status: 401 }));
    });
    await expect(api.send("POST", "/workflows/orders/publish")).rejects.toMatchObject({ status: 401 });
    expect(sent).toHaveLength(times);
  });
});

describe("what is kept", () => {
  it("goes with whoever leaves, of all their tenants; what others have kept stays", () => {
    const others = [
      keptName("edit", "/default/acme/user%3Aeve", "a"),
      keptName("edit", "/default/acme/user%3Aada2", "a"),
      keptName("stubs", "%2Fother/default/acme/user%3Aada", "a"),
      "workflowkit.filters./default/acme/user%3Aada",
    ];
    for (const kind of ["edit", "stubs"] as const)
      for (const owner of [presentOwner() ?? "", "/default/globex/user%3Aada"])
        localStorage.setItem(keptName(kind, owner, "shop/a"), "{}");
    for (const name of others) localStorage.setItem(name, "{}");
    takeOver(stateOf("globex", "user:ada"));
    expect(Object.keys(localStorage)).toHaveLength(8);
    takeOver(stateOf("globex", "user:eve"));
    expect(Object.keys(localStorage).toSorted()).toEqual(others.toSorted());
    takeOver({ ...stateOf("globex", ""), kind: "nobody" });
    expect(Object.keys(localStorage)).toHaveLength(4);
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

describe("a key", () => {
  it("is for the installation that it was given to, and not for others at the same address", async () => {
    const meta = document.head.appendChild(document.createElement("meta"));
    meta.name = "workflowkit-root";
    onTestFinished(() => meta.remove());
    vi.stubGlobal("fetch", () => Promise.resolve(Response.json(stateOf("acme", "key:1"))));
    const keyAt = async (mounted: string, given?: string): Promise<string | undefined> => {
      meta.content = mounted;
      vi.resetModules();
      const session = await import("./session");
      if (given !== undefined) await session.enterWithKey(given);
      return session.useSession.getState().key;
    };
    await keyAt("/flows", "wk_one");
    expect([await keyAt(""), await keyAt("/others"), await keyAt("/flows")]).toEqual([undefined, undefined, "wk_one"]);
    sessionStorage.clear();
  });
});
