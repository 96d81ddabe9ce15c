"""Members of a tenant: the users who have a role for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workflowkit.base.errors import NotFound
from workflowkit.base.scope import Scope
from workflowkit.store import users
from workflowkit.store.statements import InsertInto, Sql, whose
from workflowkit.store.transactions import Transaction
from workflowkit.store.users import UserRecord


@dataclass(frozen=True, slots=True)
class Member:
    """A user, and their roles for one tenant."""

    user: UserRecord
    roles: tuple[str, ...]


_OWNED = "environment = :environment AND tenant = :tenant"
_LISTED = ", ".join(f"users.{column}" for column in users.COLUMNS)
_IS_MEMBER = f"""
    EXISTS (SELECT 1 FROM user_roles WHERE {_OWNED} AND user_roles.user_id = users.id)
"""  # noqa: S608 - our own names
_PAGE = Sql(
    f"""
    SELECT {_LISTED} FROM users WHERE {_IS_MEMBER} AND (:after = '' OR name > :after) ORDER BY name LIMIT :limit
    """  # noqa: S608
)
_NAMED = Sql(
    f"""
    SELECT name, display_name FROM users
    WHERE {_IS_MEMBER} AND disabled_at_ms IS NULL AND (:after = '' OR name > :after) ORDER BY name LIMIT :limit
    """  # noqa: S608
)
_ONE = Sql(f"SELECT {_LISTED} FROM users WHERE {_IS_MEMBER} AND users.id = :user_id")  # noqa: S608
_ROLES = Sql(f"SELECT user_id, role FROM user_roles WHERE {_OWNED} AND user_id {{in_ids}}")  # noqa: S608
_REMOVE = Sql(f"DELETE FROM user_roles WHERE {_OWNED} AND user_id = :user_id")  # noqa: S608
_INSERT = InsertInto("user_roles", ("environment", "tenant", "user_id", "role"))


def find(tx: Transaction, scope: Scope, *, limit: int, after: str = "") -> list[Member]:
    """Return up to ``limit`` members in the order of their names, those after the name ``after``."""
    where = whose(scope)
    found = [users.from_row(row) for row in tx.rows(_PAGE, **where, after=after, limit=limit)]
    roles: dict[str, list[str]] = {}
    for user_id, role in tx.rows(_ROLES, **where, ids=[user.id for user in found]):
        roles.setdefault(user_id, []).append(role)
    return [Member(user, tuple(roles[user.id])) for user in found]


def named(tx: Transaction, scope: Scope, *, limit: int, after: str = "") -> list[tuple[str, str]]:
    """Return login name and display name of up to ``limit`` members who can log in, in the order of their names."""
    where = whose(scope)
    return [(row.name, row.display_name) for row in tx.rows(_NAMED, **where, after=after, limit=limit)]


def get(tx: Transaction, scope: Scope, user_id: str) -> Member:
    """Return a member. Raises ``NotFound``, also for users of other tenants."""
    where = whose(scope)
    row = tx.one(_ONE, **where, user_id=user_id)
    if row is None:
        raise NotFound(f"there is no user {user_id!r}")
    roles = [role for _, role in tx.rows(_ROLES, **where, ids=[user_id])]
    return Member(users.from_row(row), tuple(roles))


def set_roles(tx: Transaction, scope: Scope, user_id: str, roles: Iterable[str]) -> None:
    """Replace the roles that a user has for this tenant; without any they are no member."""
    tx.run(_REMOVE, **whose(scope), user_id=user_id)
    tx.insert(_INSERT, [(scope.environment, scope.tenant, user_id, role) for role in sorted(set(roles))])
