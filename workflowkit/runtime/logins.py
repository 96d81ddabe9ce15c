"""Logging in, with a password or because an OpenID provider vouches for somebody.

Whether there is a user of a name cannot be told from the answer, from the time it takes, or from when attempts are
refused: an unknown name costs the same hash, and its failures are counted like others.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass

from workflowkit.base import ids
from workflowkit.base.errors import AlreadyExists, Forbidden, InvalidInput, Problem, TooManyAttempts, Unauthenticated
from workflowkit.base.jsonvalue import Json
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.base.passwords import PASSWORD_MAX_CHARS, hash_password, is_outdated, is_password, password_problem
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.runtime.auditing import Act, By, note, note_everywhere
from workflowkit.runtime.roles import ordered
from workflowkit.runtime.sessions import Client, LoggedIn, Sessions
from workflowkit.runtime.users import NAME_MAX_CHARS, normal_name
from workflowkit.store import loginfailures, members, users
from workflowkit.store import sessions as session_rows
from workflowkit.store.database import Database
from workflowkit.store.transactions import Transaction
from workflowkit.store.users import UserRecord

#: Attempts that failed are counted for this long, from the first.
WINDOW_MS = 15 * 60_000

logger = logging.getLogger("workflowkit.login")


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session, and the token for its cookie."""

    logged_in: LoggedIn
    token: str


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom an OpenID provider vouches for, and what that makes of them here."""

    issuer: str
    subject: str
    name: str
    display_name: str
    scope: Scope
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Logins:
    """The door of an installation. ``home`` is the tenant that somebody comes to who has several."""

    database: Database
    sessions: Sessions
    limits: Limits = DEFAULT_LIMITS
    home: Scope = DEFAULT_SCOPE

    def with_password(self, name: str, password: str, client: Client) -> Opened:
        """Begin a session. Raises ``Unauthenticated``, in the same words whatever is wrong, and ``TooManyAttempts``."""
        name = normal_name(name)[: NAME_MAX_CHARS + 1]
        counters = self._count(name, client)
        with self.database.read() as tx:
            user = users.find_by_name(tx, name)
        stored = None if user is None or user.disabled_at_ms is not None else user.password_hash
        # SAFETY: S30 — nobody's password is hashed as well.
        if not is_password(stored, password[: PASSWORD_MAX_CHARS + 1]) or user is None or stored is None:
            logger.warning("login failed from %s", client.address)
            self._note_failure(user, client)
            raise _wrong()
        renewed = hash_password(password) if is_outdated(stored) else None
        with self.database.transaction("login") as tx:
            present = users.lock(tx, user.id)
            if present.password_hash != stored:
                raise _wrong()  # it was changed while we were comparing
            if renewed is not None:
                users.set_password(tx, user.id, renewed)
            counters.succeeded(tx)
            return self._open(tx, present, client)

    def vouched(self, who: Vouched, client: Client) -> Opened:
        """Begin a session of somebody whom a provider vouches for; who comes for the first time becomes a user.

        Raises ``Forbidden`` if they have no role, or are disabled; ``AlreadyExists`` if the name is another user's.
        """
        try:
            if not who.roles:
                raise Forbidden("your account has no role here; ask whoever runs this installation")
            with self.database.transaction("login") as tx:
                user = self._vouched_user(tx, who)
                self._grant(tx, who, user)
                return self._open(tx, user, client, scope=who.scope)
        except Forbidden:
            with self.database.read() as tx:
                known = users.find_by_subject(tx, who.issuer, who.subject)
            self._note_failure(known, client)
            raise
        except self.database.integrity_error as error:
            # SAFETY: S27 — an account is never handed over to whoever a provider lets have its name.
            raise AlreadyExists("there is a user of this name already, who logs in otherwise") from error

    def change_password(self, logged_in: LoggedIn, old: str, new: str, client: Client) -> None:
        """Replace a user's own password and end their other sessions.

        Raises ``InvalidInput`` if the old one is wrong or the new one too weak, ``TooManyAttempts``.
        """
        user = logged_in.user
        counters = self._count(user.name, client)
        if not is_password(user.password_hash, old[: PASSWORD_MAX_CHARS + 1]):
            raise InvalidInput([Problem("/old_password", "wrong-password", "this is not your password")])
        if (message := password_problem(new, name=user.name)) is not None:
            raise InvalidInput([Problem("/password", "weak-password", message)])
        password_hash = hash_password(new)
        with self.database.transaction("login") as tx:
            if users.lock(tx, user.id).password_hash != user.password_hash:
                raise InvalidInput([Problem("/old_password", "wrong-password", "it was changed just now")])
            users.set_password(tx, user.id, password_hash)
            session_rows.delete_of_user(tx, user.id, but=logged_in.session.id)
            counters.succeeded(tx)
            by = By(user.actor, client.address)
            note_everywhere(tx, logged_in.roles_by_scope, by, Act.PASSWORD_CHANGED, user.actor)

    def _note_failure(self, user: UserRecord | None, client: Client) -> None:
        """Enter an attempt that failed: for a tenant of the user's, or, if there is no such user, for ``home``.

        Not under what was typed as the name, which is now and then a password; and at the same cost for both.
        """
        with self.database.transaction("login") as tx:
            scopes = users.roles_by_scope(tx, "" if user is None else user.id)
            scope = self.home if self.home in scopes else next(iter(scopes), self.home)
            note(tx, scope, By("nobody", client.address), Act.LOGIN_FAILED, "" if user is None else user.actor)

    def _grant(self, tx: Transaction, who: Vouched, user: UserRecord) -> None:
        """Give somebody the roles that the provider's word makes of them."""
        before = users.roles_by_scope(tx, user.id).get(who.scope, ())
        members.set_roles(tx, who.scope, user.id, who.roles)
        if set(before) != set(who.roles):
            detail: dict[str, Json] = {"before": list(ordered(before)), "after": list(ordered(who.roles))}
            note(tx, who.scope, By("oidc"), Act.USER_ROLES_CHANGED, user.actor, detail)

    def _vouched_user(self, tx: Transaction, who: Vouched) -> UserRecord:
        found = users.find_by_subject(tx, who.issuer, who.subject)
        shown = who.display_name[:NAME_MAX_CHARS]
        if found is None:
            name = normal_name(who.name)[:NAME_MAX_CHARS]
            user = UserRecord(ids.new_id(tx.now_ms), name, shown, tx.now_ms, issuer=who.issuer, subject=who.subject)
            users.insert(tx, user)
            return user
        if users.lock(tx, found.id).disabled_at_ms is not None:
            raise Forbidden("this user is disabled")
        users.set_display_name(tx, found.id, shown)
        return found

    def _open(self, tx: Transaction, user: UserRecord, client: Client, *, scope: Scope | None = None) -> Opened:
        roles = users.roles_by_scope(tx, user.id)
        if user.disabled_at_ms is not None or not roles:
            raise _wrong()
        chosen = scope if scope is not None else self.home if self.home in roles else next(iter(roles))
        users.touch(tx, user.id)
        session, token = self.sessions.open(tx, user, chosen, client)
        note(tx, chosen, By(user.actor, client.address), Act.LOGIN_SUCCEEDED, user.actor)
        logger.info("%s has logged in from %s", user.actor, client.address)
        return Opened(LoggedIn(session, user, roles), token)

    def _count(self, name: str, client: Client) -> _Counters:
        limits, address = self.limits, client.address
        most = {
            _key("client", name, address): limits.login_failures_per_client,
            _key("name", name): limits.login_failures_per_name,
            _key("address", address): limits.login_failures_per_address,
        }
        # Before the password is looked at: attempts at the same time cannot be more than attempts one by one.
        with self.database.transaction("login") as tx:
            over_ms = tx.now_ms - WINDOW_MS
            loginfailures.delete_over(tx, over_ms=over_ms)
            for key in sorted(most):
                attempts, since_ms = loginfailures.count(tx, key, over_ms=over_ms)
                if attempts > most[key]:
                    raise TooManyAttempts(max(1, -(-(since_ms + WINDOW_MS - tx.now_ms) // 1000)))
        return _Counters(*most)


@dataclass(frozen=True, slots=True)
class _Counters:
    """What an attempt was counted against."""

    client: str
    name: str
    address: str

    def succeeded(self, tx: Transaction) -> None:
        # In the order in which they were counted: two transactions never wait for each other.
        for key in sorted((self.client, self.name, self.address)):
            if key == self.client:
                loginfailures.forget(tx, key)
            else:
                loginfailures.take_back(tx, key)


def _key(*parts: str) -> str:
    # A hash: what people type as their name is now and then their password.
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _wrong() -> Unauthenticated:
    return Unauthenticated("the name or the password is wrong")
