"""Sessions: what stands behind the cookie of somebody who has logged in.

The token in the cookie has 256 bits of randomness, so one SHA-256 is all its storage needs. A session ends when it was
not used for a while, at a fixed time after its beginning, when its user says so, when they are disabled or get another
password, and when they have no role left for its tenant. All of that is looked up with each request: nothing that was
ended goes on for a moment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from workflowkit.base import ids
from workflowkit.base.errors import NotFound, Unauthenticated
from workflowkit.base.scope import Scope
from workflowkit.runtime.auditing import Act, By, note
from workflowkit.runtime.roles import ordered, permissions_of
from workflowkit.store import sessions as rows
from workflowkit.store import users
from workflowkit.store.database import Database
from workflowkit.store.sessions import SessionRecord
from workflowkit.store.transactions import Transaction
from workflowkit.store.users import UserRecord

#: How fine ``seen_at_ms`` is, and so the end of idle sessions: each use would otherwise cost a write.
SEEN_RESOLUTION_MS = 60_000
#: Most sessions that a user is shown.
LISTED_SESSIONS = 100

_TOKEN = re.compile(r"wks_[0-9A-Z]{52}")
_AGENT_MAX_CHARS = 200


@dataclass(frozen=True, slots=True)
class Client:
    """From where somebody logs in: an address, and what the browser says that it is."""

    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A session in force: whose it is, and their roles by tenant."""

    session: SessionRecord
    user: UserRecord
    roles_by_scope: dict[Scope, tuple[str, ...]]

    @property
    def roles(self) -> tuple[str, ...]:
        """What they are for the tenant for which they act."""
        return ordered(self.roles_by_scope[self.session.scope])

    @property
    def permissions(self) -> frozenset[str]:
        """What they may do for the tenant for which they act."""
        return permissions_of(self.roles)


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of an installation. They end after ``idle_ms`` without use, and ``longest_ms`` after the login."""

    database: Database
    idle_ms: int
    longest_ms: int

    def open(self, tx: Transaction, user: UserRecord, scope: Scope, client: Client) -> tuple[SessionRecord, str]:
        """Begin a session in the caller's transaction; return it with its token, which nothing can show again.

        SAFETY: S27 — the token is new with each login: one that was planted in a browser before never counts.
        """
        token = f"wks_{ids.random_token()}"
        record = SessionRecord(
            id=ids.new_id(tx.now_ms),
            user_id=user.id,
            scope=scope,
            created_at_ms=tx.now_ms,
            seen_at_ms=tx.now_ms,
            expires_at_ms=tx.now_ms + self.longest_ms,
            address=client.address,
            agent=client.agent[:_AGENT_MAX_CHARS],
        )
        rows.delete_ended(tx, not_after_ms=tx.now_ms - self.idle_ms)
        rows.insert(tx, record, token_hash=ids.token_hash(token))
        return record, token

    def authenticate(self, token: str) -> LoggedIn:
        """Return the session of a token. Raises ``Unauthenticated``, in the same words whatever the reason."""
        if not _TOKEN.fullmatch(token):
            raise _over()
        with self.database.read() as tx:
            session = rows.find_by_token(tx, ids.token_hash(token))
            if session is None or self._is_over(session, tx.now_ms):
                raise _over()
            user, roles, now_ms = users.get(tx, session.user_id), users.roles_by_scope(tx, session.user_id), tx.now_ms
        if user.disabled_at_ms is not None or session.scope not in roles:
            raise _over()
        if session.seen_at_ms <= now_ms - SEEN_RESOLUTION_MS:
            with self.database.transaction("session") as writing:
                rows.touch(writing, session.id, not_after_ms=now_ms - SEEN_RESOLUTION_MS)
        return LoggedIn(session, user, roles)

    def of_user(self, user_id: str) -> list[SessionRecord]:
        """Return the sessions of a user that are in force, newest first, at most ``LISTED_SESSIONS``."""
        with self.database.read() as tx:
            found = rows.find_of_user(tx, user_id, limit=LISTED_SESSIONS)
            return [session for session in found if not self._is_over(session, tx.now_ms)]

    def end(self, logged_in: LoggedIn, session_id: str, *, by: By) -> None:
        """End one of the sessions of somebody who is logged in. Raises ``NotFound``, also for sessions of others."""
        user, scope = logged_in.user, logged_in.session.scope
        with self.database.transaction("session") as tx:
            if not rows.delete(tx, user.id, session_id):
                raise NotFound(f"there is no session {session_id!r}")
            note(tx, scope, by, Act.SESSION_ENDED, f"user:{user.id}", {"sessions": 1})

    def end_all(self, logged_in: LoggedIn, *, by: By) -> int:
        """End all sessions of somebody who is logged in; return how many there were."""
        user, scope = logged_in.user, logged_in.session.scope
        with self.database.transaction("session") as tx:
            count = rows.delete_of_user(tx, user.id)
            note(tx, scope, by, Act.SESSION_ENDED, f"user:{user.id}", {"sessions": count})
        return count

    def move(self, logged_in: LoggedIn, scope: Scope) -> LoggedIn:
        """Let a session act for another tenant of its user's. Raises ``NotFound`` for tenants of others."""
        if scope not in logged_in.roles_by_scope:
            raise NotFound("there is no such tenant")
        with self.database.transaction("session") as tx:
            rows.move(tx, logged_in.session.id, scope)
        return replace(logged_in, session=replace(logged_in.session, scope=scope))

    def _is_over(self, session: SessionRecord, now_ms: int) -> bool:
        return now_ms >= session.expires_at_ms or now_ms >= session.seen_at_ms + self.idle_ms


def _over() -> Unauthenticated:
    return Unauthenticated("you are not logged in, or not any more")
