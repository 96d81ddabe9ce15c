import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { GetToken } from "./token";
import { TokenKeeper, readToken } from "./token";

const SIGNATURE = "x".repeat(43);
const OWNER = { environment: "default", tenant: "acme", user: "Zoë" };

function token(claims: object): string {
  const bytes = new TextEncoder().encode(JSON.stringify(claims));
  const text = btoa(String.fromCharCode(...bytes));
  return `wke_${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}.${SIGNATURE}`;
}

function endingIn(seconds: number, rights = ["view"]): string {
  return token({ ...OWNER, rights, expires_at_ms: Date.now() + seconds * 1000 });
}

function of(user: string, seconds = 60): string {
  return token({ ...OWNER, user, rights: [], expires_at_ms: Date.now() + seconds * 1000 });
}

interface Asked {
  readonly resolve: (token: string) => void;
  readonly reject: (reason: Error) => void;
}

/** A page that answers when the test says so. */
function later(): { readonly answers: Asked[]; readonly getToken: GetToken } {
  const answers: Asked[] = [];
  return { answers, getToken: () => new Promise((resolve, reject) => answers.push({ resolve, reject })) };
}

const WISHES = { onExpiring: () => undefined, onFailure: () => undefined, onOtherOwner: () => undefined };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function keeper(getToken: GetToken | undefined): {
  readonly keeper: TokenKeeper;
  readonly expiring: unknown[];
  readonly failures: unknown[];
  readonly onOtherOwner: ReturnType<typeof vi.fn<() => void>>;
} {
  const expiring: unknown[] = [];
  const onOtherOwner = vi.fn<() => void>();
  const failures: unknown[] = [];
  const made = new TokenKeeper({
    getToken: () => getToken,
    onExpiring: (at) => expiring.push(at),
    onFailure: (reason) => failures.push(reason),
    onOtherOwner,
  });
  return { keeper: made, expiring, failures, onOtherOwner };
}

describe("reading a token", () => {
  it("tells its rights, its end, and whose it is", () => {
    const at = Date.now() + 60_000;
    const owner = { environment: "default", tenant: "acme", actor: "embed:Zoë" };
    expect(readToken(endingIn(60, ["view", "edit"]))).toEqual({ rights: ["view", "edit"], expiresAtMs: at, owner });
  });

  it.each(["", "wk_key", "wke_x.y", `wke_e30.${SIGNATURE}`, `wke_!.${SIGNATURE}`])("is nothing for %s", (text) => {
    expect(readToken(text)).toBeUndefined();
  });
});

describe("a token that ends", () => {
  it("is replaced a minute before", async () => {
    const next = endingIn(7200);
    const { keeper: made } = keeper(() => next);
    made.set(endingIn(600));
    await vi.advanceTimersByTimeAsync(530_000);
    expect(made.current).not.toBe(next);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(made.current).toBe(next);
  });

  it("is told of, where nobody can be asked", async () => {
    const { keeper: made, expiring } = keeper(undefined);
    const short = endingIn(40);
    made.set(short);
    await vi.advanceTimersByTimeAsync(31_000);
    expect(expiring).toEqual([new Date(readToken(short)?.expiresAtMs ?? 0).toISOString()]);
    expect(made.current).toBe(short);
  });

  it("is asked for once, however many want it, and a refusal is told", async () => {
    const asked = vi.fn<GetToken>(() => Promise.reject(new Error("logged out")));
    const { keeper: made, failures } = keeper(asked);
    expect(await Promise.all([made.renew(), made.renew()])).toEqual([false, false]);
    expect([asked.mock.calls.length, failures.length]).toEqual([1, 1]);
    asked.mockImplementation(() => endingIn(60));
    expect(await made.renew()).toBe(true);
  });

  it("may be followed by one of somebody else, which is told", async () => {
    let next = endingIn(60);
    const { keeper: made, onOtherOwner } = keeper(() => next);
    await made.renew();
    await made.renew();
    expect(onOtherOwner).not.toHaveBeenCalled();
    next = token({ ...OWNER, tenant: "umbrella", rights: [], expires_at_ms: Date.now() + 60_000 });
    await made.renew();
    expect(onOtherOwner).toHaveBeenCalledOnce();
  });

  it("is not taken, once the page has set another", async () => {
    const { answers, getToken } = later();
    const { keeper: made, failures, onOtherOwner } = keeper(getToken);
    made.set(endingIn(60));
    const renewal = made.renew();
    made.set(of("Eve"));
    expect(onOtherOwner).toHaveBeenCalledOnce();
    answers[0]?.resolve(endingIn(600));
    expect(await renewal).toBe(true);
    expect(readToken(made.current ?? "")?.owner.actor).toBe("embed:Eve");
    // What was asked for of Eve is taken, and does not wait for what was asked for before.
    const next = of("Eve", 600);
    const own = made.renew();
    answers[1]?.resolve(next);
    expect([await own, made.current]).toEqual([true, next]);
    expect([failures, onOtherOwner.mock.calls.length]).toEqual([[], 1]);
  });

  it("does not fail, once the page has set another or none", async () => {
    const { answers, getToken } = later();
    const { keeper: made, failures } = keeper(getToken);
    const first = made.renew();
    made.set(of("Eve"));
    answers[0]?.reject(new Error("logged out"));
    expect(await first).toBe(true);
    const second = made.renew();
    made.set(undefined);
    answers[1]?.resolve(of("Eve"));
    expect([await second, made.current]).toEqual([false, undefined]);
    expect(failures).toEqual([]);
  });

  it("is of the function that the page has given last", async () => {
    const { answers, getToken: ofAda } = later();
    let getToken: GetToken = ofAda;
    const made = new TokenKeeper({ ...WISHES, getToken: () => getToken });
    const asked = made.renew();
    getToken = () => of("Eve");
    answers[0]?.resolve(endingIn(60));
    expect(await asked).toBe(true);
    expect(readToken(made.current ?? "")?.owner.actor).toBe("embed:Eve");
  });

  it("is taken of a page that gives another function whenever it is asked, if that is for one user", async () => {
    const failures: unknown[] = [];
    const made = new TokenKeeper({
      ...WISHES,
      getToken: () => () => endingIn(60),
      onFailure: (reason) => failures.push(reason),
    });
    expect(await made.renew()).toBe(true);
    let count = 0;
    const changing = new TokenKeeper({
      ...WISHES,
      getToken: () => () => of(String((count += 1))),
      onFailure: (reason) => failures.push(reason),
    });
    expect([await changing.renew(), changing.current, failures.length]).toEqual([false, undefined, 1]);
  });

  it("is not taken after the editor has gone", async () => {
    const { answers, getToken } = later();
    const { keeper: made } = keeper(getToken);
    const asked = made.renew();
    made.stop();
    answers[0]?.resolve(endingIn(60));
    expect([await asked, made.current, vi.getTimerCount()]).toEqual([false, undefined, 0]);
  });

  it("is forgotten when the editor goes", async () => {
    const asked = vi.fn<GetToken>(() => endingIn(60));
    const { keeper: made } = keeper(asked);
    made.set(endingIn(60));
    made.stop();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(asked).not.toHaveBeenCalled();
  });
});
