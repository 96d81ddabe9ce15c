/** The host's token: for whom it is, what it allows, when it ends, and getting the next one in time. */

import type { Owner } from "../api/session";

/** What the editor reads from a token. Only the server knows whether it is true. */
export interface TokenClaims {
  readonly rights: readonly string[];
  readonly expiresAtMs: number;
  readonly owner: Owner;
}

/** Asked for the next token so long before the end of one, or so much of its life, whichever is shorter. */
const LEAD_MS = 60_000;
const LEAD_SHARE = 0.25;
/** What a timer can hold. */
const MOST_MS = 2 ** 31 - 1;

/** The claims of a token as the server writes them; `undefined` for anything else. */
export function readToken(token: string): TokenClaims | undefined {
  const [, payload] = /^wke_([\w-]+)\.[\w-]+$/.exec(token) ?? [];
  if (payload === undefined) return undefined;
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (char) =>
      char.charCodeAt(0),
    );
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Readonly<Record<string, unknown>>;
    const { rights, expires_at_ms: expiresAtMs, environment, tenant, user } = claims;
    if (!Array.isArray(rights) || typeof expiresAtMs !== "number") return undefined;
    const owner = { environment: String(environment), tenant: String(tenant), actor: `embed:${String(user)}` };
    return { rights: rights.filter((right) => typeof right === "string"), expiresAtMs, owner };
  } catch {
    return undefined;
  }
}

/** For whom a token is, as one text. */
function ownerIn(token: string | undefined): string | undefined {
  const claims = token === undefined ? undefined : readToken(token);
  return claims === undefined ? undefined : JSON.stringify(claims.owner);
}

export type GetToken = () => string | Promise<string>;

export interface TokenWishes {
  /** The host's callback, if it has one. */
  readonly getToken: () => GetToken | undefined;
  /** A token ends soon, or has ended, and nobody is there to be asked for the next. */
  readonly onExpiring: (expiresAt: string | undefined) => void;
  readonly onFailure: (reason: unknown) => void;
  /** The next token is somebody else's, or for another tenant. */
  readonly onOtherOwner: () => void;
}

export class TokenKeeper {
  private token: string | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking: Promise<boolean> | undefined;

  constructor(private readonly wishes: TokenWishes) {}

  get current(): string | undefined {
    return this.token;
  }

  /** Takes over a token. */
  set(token: string | undefined): void {
    this.token = token;
    this.stop();
    const claims = token === undefined ? undefined : readToken(token);
    if (claims === undefined) return;
    const left = claims.expiresAtMs - Date.now();
    const wait = Math.max(left - Math.min(LEAD_MS, left * LEAD_SHARE), 0);
    this.timer = setTimeout(() => void this.renew(), Math.min(wait, MOST_MS));
  }

  /** Asks the host for the next token. Tells whether there is one; at the same time only one is asked for. */
  renew(): Promise<boolean> {
    this.asking ??= this.ask().finally(() => {
      this.asking = undefined;
    });
    return this.asking;
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private async ask(): Promise<boolean> {
    const getToken = this.wishes.getToken();
    if (getToken === undefined) {
      const claims = this.token === undefined ? undefined : readToken(this.token);
      this.wishes.onExpiring(claims === undefined ? undefined : new Date(claims.expiresAtMs).toISOString());
      return false;
    }
    try {
      const before = ownerIn(this.token);
      this.set(await getToken());
      if (before !== undefined && ownerIn(this.token) !== before) this.wishes.onOtherOwner();
      return true;
    } catch (reason) {
      this.wishes.onFailure(reason);
      return false;
    }
  }
}
