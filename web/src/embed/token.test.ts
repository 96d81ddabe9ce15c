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

  it("is forgotten when the editor goes", async () => {
    const asked = vi.fn<GetToken>(() => endingIn(60));
    const { keeper: made } = keeper(asked);
    made.set(endingIn(60));
    made.stop();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(asked).not.toHaveBeenCalled();
  });
});
