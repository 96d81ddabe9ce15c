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
/** How many functions are asked that are replaced while they are. */
const MOST_ASKED = 5;
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
  /** Whose the last token was. */
  private owner: string | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking: Promise<boolean> | undefined;
  /** What was asked for before the last of these comes too late. */
  private changes = 0;

  constructor(private readonly wishes: TokenWishes) {}

  get current(): string | undefined {
    return this.token;
  }

  /** Takes over a token. */
  set(token: string | undefined): void {
    this.stop();
    this.token = token;
    if (token === undefined) return;
    const before = this.owner;
    this.owner = ownerIn(token);
    if (before !== undefined && this.owner !== before) this.wishes.onOtherOwner();
    const claims = readToken(token);
    if (claims === undefined) return;
    const left = claims.expiresAtMs - Date.now();
    const wait = Math.max(left - Math.min(LEAD_MS, left * LEAD_SHARE), 0);
    this.timer = setTimeout(() => void this.renew(), Math.min(wait, MOST_MS));
  }

  /** Asks the host for the next token. Tells whether there is one; at the same time only one is asked for. */
  renew(): Promise<boolean> {
    if (this.asking !== undefined) return this.asking;
    const asking = this.ask().finally(() => {
      if (this.asking === asking) this.asking = undefined;
    });
    this.asking = asking;
    return asking;
  }

  /** Asks for no other token; what was asked for is not taken. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.asking = undefined;
    this.changes += 1;
  }

  private async ask(): Promise<boolean> {
    const { changes } = this;
    const owners = new Set<string | undefined>();
    for (let asked = 1; ; asked += 1) {
      const getToken = this.wishes.getToken();
      if (getToken === undefined) return this.tellExpiring();
      // oxlint-disable-next-line no-await-in-loop -- another is asked only where the first was replaced meanwhile
      const answer = await answerOf(getToken);
      // Whoever has set a token meanwhile knows better who is there: the answer may be for who was there before.
      if (this.changes !== changes) return this.token !== undefined;
      const isOvertaken = this.wishes.getToken() !== getToken;
      if (isOvertaken && asked < MOST_ASKED) {
        if ("token" in answer) owners.add(ownerIn(answer.token));
        continue;
      }
      // A page that gives another function whenever it is asked gets its token all the same, if that is always for one.
      if ("token" in answer && (!isOvertaken || (owners.size === 1 && owners.has(ownerIn(answer.token))))) {
        this.set(answer.token);
        return true;
      }
      this.wishes.onFailure("reason" in answer ? answer.reason : new Error("getToken was replaced while it was asked"));
      return false;
    }
  }

  private tellExpiring(): boolean {
    const claims = this.token === undefined ? undefined : readToken(this.token);
    this.wishes.onExpiring(claims === undefined ? undefined : new Date(claims.expiresAtMs).toISOString());
    return false;
  }
}

async function answerOf(getToken: GetToken): Promise<{ readonly token: string } | { readonly reason: unknown }> {
  try {
    return { token: await getToken() };
  } catch (reason) {
    return { reason };
  }
}
