"""People who log in. An account belongs to the installation; what it may do belongs to tenants (``store.members``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from workflowkit.base.errors import NotFound
from workflowkit.base.scope import Scope
from workflowkit.store.statements import Sql
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class UserRecord:
    """An account. ``name`` is what they log in with, in lower case; ``issuer`` and ``subject`` are those of the OpenID
    provider that vouches for them, and then there is no password."""

    id: str
    name: str
    display_name: str
    created_at_ms: int
    password_hash: str | None = field(default=None, repr=False)
    issuer: str | None = None
    subject: str | None = None
    last_login_at_ms: int | None = None
    disabled_at_ms: int | None = None

    @property
    def actor(self) -> str:
        """Who it is, as it is kept with what they do."""
        return f"user:{self.id}"


COLUMNS = (
    "id", "name", "display_name", "created_at_ms", "password_hash", "issuer", "subject", "last_login_at_ms",
    "disabled_at_ms",
)  # fmt: skip
_LISTED = ", ".join(COLUMNS)
_INSERT = Sql(
    """
    INSERT INTO users (id, name, display_name, password_hash, issuer, subject, created_at_ms, updated_at_ms)
    VALUES (:id, :name, :display_name, :password_hash, :issuer, :subject, :created_at_ms, :created_at_ms)
    """
)
_BY_ID = Sql(f"SELECT {_LISTED} FROM users WHERE id = :id")  # noqa: S608 - our own names
_LOCK = Sql(f"SELECT {_LISTED} FROM users WHERE id = :id {{for_update}}")  # noqa: S608
_BY_NAME = Sql(f"SELECT {_LISTED} FROM users WHERE name = :name")  # noqa: S608
_BY_SUBJECT = Sql(f"SELECT {_LISTED} FROM users WHERE issuer = :issuer AND subject = :subject")  # noqa: S608
_SET_PASSWORD = Sql("UPDATE users SET password_hash = :password_hash, updated_at_ms = :now_ms WHERE id = :id")
_SET_DISPLAY_NAME = Sql("UPDATE users SET display_name = :display_name, updated_at_ms = :now_ms WHERE id = :id")
_SET_DISABLED = Sql("UPDATE users SET disabled_at_ms = :disabled_at_ms, updated_at_ms = :now_ms WHERE id = :id")
_TOUCH = Sql("UPDATE users SET last_login_at_ms = :now_ms WHERE id = :id")
_ROLES = Sql(
    "SELECT environment, tenant, role FROM user_roles WHERE user_id = :user_id ORDER BY environment, tenant, role"
)


def insert(tx: Transaction, record: UserRecord) -> None:
    """Store a new account. Raises the driver's ``IntegrityError`` if the name or the subject is taken."""
    tx.run(
        _INSERT,
        id=record.id,
        name=record.name,
        display_name=record.display_name,
        password_hash=record.password_hash,
        issuer=record.issuer,
        subject=record.subject,
        created_at_ms=record.created_at_ms,
    )


def get(tx: Transaction, user_id: str) -> UserRecord:
    """Return an account. Raises ``NotFound``."""
    return _found(tx.one(_BY_ID, id=user_id), user_id)


def lock(tx: Transaction, user_id: str) -> UserRecord:
    """Return an account, which nobody else changes before the transaction ends. Raises ``NotFound``."""
    return _found(tx.one(_LOCK, id=user_id), user_id)


def find_by_name(tx: Transaction, name: str) -> UserRecord | None:
    """Return the account that logs in with ``name``."""
    row = tx.one(_BY_NAME, name=name)
    return None if row is None else from_row(row)


def find_by_subject(tx: Transaction, issuer: str, subject: str) -> UserRecord | None:
    """Return the account that an OpenID provider knows under ``subject``."""
    row = tx.one(_BY_SUBJECT, issuer=issuer, subject=subject)
    return None if row is None else from_row(row)


def set_password(tx: Transaction, user_id: str, password_hash: str) -> None:
    """Replace the hash of the password."""
    tx.run(_SET_PASSWORD, id=user_id, password_hash=password_hash, now_ms=tx.now_ms)


def set_display_name(tx: Transaction, user_id: str, display_name: str) -> None:
    """Replace the name that is shown."""
    tx.run(_SET_DISPLAY_NAME, id=user_id, display_name=display_name, now_ms=tx.now_ms)


def set_disabled(tx: Transaction, user_id: str, *, is_disabled: bool) -> None:
    """Let an account log in no more, or again."""
    tx.run(_SET_DISABLED, id=user_id, disabled_at_ms=tx.now_ms if is_disabled else None, now_ms=tx.now_ms)


def touch(tx: Transaction, user_id: str) -> None:
    """Note that somebody logs in now."""
    tx.run(_TOUCH, id=user_id, now_ms=tx.now_ms)


def roles_by_scope(tx: Transaction, user_id: str) -> dict[Scope, tuple[str, ...]]:
    """Return the roles of an account by the tenants for which it has them, in the order of their names."""
    roles: dict[Scope, tuple[str, ...]] = {}
    for environment, tenant, role in tx.rows(_ROLES, user_id=user_id):
        scope = Scope(environment, tenant)
        roles[scope] = (*roles.get(scope, ()), role)
    return roles


def from_row(row: Sequence[Any]) -> UserRecord:
    """Return the account of a row of ``COLUMNS``."""
    return UserRecord(*row)


def _found(row: Sequence[Any] | None, user_id: str) -> UserRecord:
    if row is None:
        raise NotFound(f"there is no user {user_id!r}")
    return from_row(row)
