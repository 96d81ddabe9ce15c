"""Users: who may log in, and what they may do for which tenant. Nobody grants more than they have."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from workflowkit.base import ids
from workflowkit.base.errors import AlreadyExists, Forbidden, InvalidInput, NotFound, Problem
from workflowkit.base.jsonvalue import Json
from workflowkit.base.passwords import hash_password, password_problem
from workflowkit.base.scope import Scope, check_tenant
from workflowkit.engine.interrupts import shielded
from workflowkit.runtime.auditing import PROGRAM, Act, By, note, note_everywhere
from workflowkit.runtime.keys import PERMISSIONS
from workflowkit.runtime.roles import ROLES, ordered, permissions_of
from workflowkit.store import members, sessions
from workflowkit.store import users as rows
from workflowkit.store.database import Database
from workflowkit.store.members import Member
from workflowkit.store.transactions import Transaction
from workflowkit.store.users import UserRecord

NAME_MAX_CHARS = 200
#: How many users are looked through at a time.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to make. ``name`` is what they log in with: upper and lower case are the same."""

    name: str
    password: str = field(repr=False)
    roles: tuple[str, ...]
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class Granter:
    """Who changes users: what they may do themselves, and whether the installation is theirs, with all its tenants."""

    permissions: frozenset[str]
    owns_installation: bool = False
    by: By = PROGRAM

    def check(self, roles: Iterable[str]) -> None:
        """Raise ``Forbidden`` unless they hold everything that ``roles`` allow."""
        if missing := sorted(permissions_of(roles) - self.permissions):
            raise Forbidden(f"you cannot grant or manage what you do not have: {', '.join(missing)}")


#: Whoever reaches the database from a shell.
OWNER = Granter(frozenset(PERMISSIONS), owns_installation=True, by=By("cli"))


@dataclass(frozen=True, slots=True)
class Users:
    """The users of an installation."""

    database: Database

    def create(self, scope: Scope, new: NewUser, granter: Granter) -> Member:
        """Make a user who has roles for one tenant. Raises ``InvalidInput``, ``Forbidden``, ``AlreadyExists``."""
        name = normal_name(new.name)
        problems = [*_name_problems(name), *_role_problems(new.roles), *_password_problems(new.password, name)]
        if problems:
            raise InvalidInput(problems)
        granter.check(new.roles)
        check_tenant(scope)
        password_hash = hash_password(new.password)
        shown = (new.display_name.strip() or name)[:NAME_MAX_CHARS]
        try:
            with self.database.transaction("user") as tx:
                user = UserRecord(ids.new_id(tx.now_ms), name, shown, tx.now_ms, password_hash)
                rows.insert(tx, user)
                members.set_roles(tx, scope, user.id, new.roles)
                detail: dict[str, Json] = {"name": name, "roles": list(ordered(new.roles))}
                note(tx, scope, granter.by, Act.USER_CREATED, user.actor, detail)
                return members.get(tx, scope, user.id)
        except self.database.integrity_error as error:
            raise AlreadyExists(f"there is a user {name!r} already") from error

    def find(self, scope: Scope, *, limit: int, after: str = "") -> list[Member]:
        """Return up to ``limit`` users of a tenant by name, those after the name ``after``."""
        with self.database.read() as tx:
            return members.find(tx, scope, limit=limit, after=after)

    def named(self, scope: Scope, search: str) -> Iterator[tuple[str, str]]:
        """Yield login name and display name of the users of a tenant who can log in and in whose names a text is found.

        By login name. Each chunk is read in a transaction of its own, which no deadline of an attempt interrupts.
        """
        wanted, after = search.strip().casefold(), ""
        while True:
            with shielded(), self.database.read() as tx:
                chunk = members.named(tx, scope, limit=_CHUNK, after=after)
            yield from (each for each in chunk if any(wanted in text.casefold() for text in each))
            if len(chunk) < _CHUNK:
                return
            after = chunk[-1][0]

    def get(self, scope: Scope, user_id: str) -> Member:
        """Return a user of a tenant. Raises ``NotFound``."""
        with self.database.read() as tx:
            return members.get(tx, scope, user_id)

    def id_of(self, name: str) -> str:
        """Return the id of whoever logs in with ``name``, of whatever tenant. Raises ``NotFound``."""
        with self.database.read() as tx:
            user = rows.find_by_name(tx, normal_name(name))
        if user is None:
            raise NotFound(f"there is no user {name!r}")
        return user.id

    def set_roles(self, scope: Scope, user_id: str, roles: Iterable[str], granter: Granter) -> Member | None:
        """Replace what a user may do for a tenant; without a role they are no user of it, and ``None`` is returned.

        Raises ``InvalidInput``, ``Forbidden``, ``NotFound``.
        """
        wanted = tuple(roles)
        if wanted and (problems := list(_role_problems(wanted))):
            raise InvalidInput(problems)
        if wanted:
            check_tenant(scope)
        with self.database.transaction("user") as tx:
            rows.lock(tx, user_id)
            if not granter.owns_installation:
                granter.check(members.get(tx, scope, user_id).roles)
            granter.check(wanted)
            before = rows.roles_by_scope(tx, user_id).get(scope, ())
            members.set_roles(tx, scope, user_id, wanted)
            if set(before) != set(wanted):
                detail: dict[str, Json] = {"before": list(ordered(before)), "after": list(ordered(wanted))}
                note(tx, scope, granter.by, Act.USER_ROLES_CHANGED, f"user:{user_id}", detail)
            return members.get(tx, scope, user_id) if wanted else None

    def set_password(self, scope: Scope, user_id: str, password: str, granter: Granter) -> None:
        """Replace a user's password and end their sessions. Raises ``InvalidInput``, ``Forbidden``, ``NotFound``."""
        name = self._managed(scope, user_id, granter).name
        if problems := list(_password_problems(password, name)):
            raise InvalidInput(problems)
        password_hash = hash_password(password)
        with self.database.transaction("user") as tx:
            user = self._check_managed(tx, scope, user_id, granter)
            if user.issuer is not None:
                raise Forbidden("this user logs in elsewhere and has no password here")
            rows.set_password(tx, user_id, password_hash)
            sessions.delete_of_user(tx, user_id)
            note_everywhere(tx, rows.roles_by_scope(tx, user_id), granter.by, Act.PASSWORD_CHANGED, user.actor)

    def set_disabled(self, scope: Scope, user_id: str, granter: Granter, *, is_disabled: bool) -> None:
        """Keep a user from logging in, and end their sessions; or let them log in again. Idempotent.

        Raises ``Forbidden``, ``NotFound``.
        """
        with self.database.transaction("user") as tx:
            user = self._check_managed(tx, scope, user_id, granter)
            if (user.disabled_at_ms is not None) is not is_disabled:
                rows.set_disabled(tx, user_id, is_disabled=is_disabled)
                act = Act.USER_DISABLED if is_disabled else Act.USER_ENABLED
                note_everywhere(tx, rows.roles_by_scope(tx, user_id), granter.by, act, user.actor)
            if is_disabled:
                sessions.delete_of_user(tx, user_id)

    def _managed(self, scope: Scope, user_id: str, granter: Granter) -> UserRecord:
        with self.database.read() as tx:
            return self._check_managed(tx, scope, user_id, granter, read=True)

    def _check_managed(
        self, tx: Transaction, scope: Scope, user_id: str, granter: Granter, *, read: bool = False
    ) -> UserRecord:
        user = rows.get(tx, user_id) if read else rows.lock(tx, user_id)
        if granter.owns_installation:
            return user
        granter.check(members.get(tx, scope, user_id).roles)
        # SAFETY: S10 — an account is the installation's: who could set its password could act for its other tenants.
        if set(rows.roles_by_scope(tx, user_id)) != {scope}:
            raise Forbidden("this user belongs to other tenants too; only who runs the installation may do this")
        return user


def normal_name(name: str) -> str:
    """Return the one spelling under which a name is kept."""
    return unicodedata.normalize("NFKC", name.strip()).casefold()


def _name_problems(name: str) -> Iterable[Problem]:
    if not 1 <= len(name) <= NAME_MAX_CHARS or not name.isprintable() or any(map(str.isspace, name)):
        yield Problem("/name", "invalid-name", f"a name has 1 to {NAME_MAX_CHARS} characters and no spaces")


def _role_problems(roles: tuple[str, ...]) -> Iterable[Problem]:
    if not roles or not set(roles) <= set(ROLES):
        yield Problem("/roles", "unknown-role", f"choose at least one, of: {', '.join(ROLES)}")


def _password_problems(password: str, name: str) -> Iterable[Problem]:
    if (message := password_problem(password, name=name)) is not None:
        yield Problem("/password", "weak-password", message)
