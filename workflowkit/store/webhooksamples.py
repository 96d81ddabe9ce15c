"""One delivery of a webhook that somebody has asked for, sealed: at most one of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from workflowkit.base.scope import Scope
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class SampleRow:
    """Until when the next delivery is wanted (0: no more), and the one that was taken, if there is one."""

    wanted_until_ms: int
    at_ms: int | None
    sealed: str | None = field(repr=False)


_OF_ONE = "environment = :environment AND tenant = :tenant AND name = :name"
_WANT = Sql(
    """
    INSERT INTO webhook_samples (environment, tenant, name, wanted_until_ms, at_ms, sealed)
    VALUES (:environment, :tenant, :name, :until_ms, NULL, NULL)
    ON CONFLICT (environment, tenant, name) DO UPDATE
    SET wanted_until_ms = excluded.wanted_until_ms, at_ms = NULL, sealed = NULL
    """
)
_KEEP = Sql(
    f"""
    UPDATE webhook_samples SET wanted_until_ms = 0, at_ms = :now_ms, sealed = :sealed
    WHERE {_OF_ONE} AND wanted_until_ms > :now_ms
    """  # noqa: S608 - our own names
)
_SELECT = Sql(f"SELECT wanted_until_ms, at_ms, sealed FROM webhook_samples WHERE {_OF_ONE}")  # noqa: S608
_DELETE_TAKEN = Sql(f"DELETE FROM webhook_samples WHERE {_OF_ONE} AND at_ms <= :until_ms")  # noqa: S608
_DELETE = Sql(f"DELETE FROM webhook_samples WHERE {_OF_ONE}")  # noqa: S608


def _of(scope: Scope, name: str) -> dict[str, Any]:
    return {**whose(scope), "name": name}


def want(tx: Transaction, scope: Scope, name: str, *, until_ms: int) -> None:
    """Wait for the next delivery until a time; the one that was taken before goes."""
    tx.run(_WANT, **_of(scope, name), until_ms=until_ms)


def keep(tx: Transaction, scope: Scope, name: str, *, sealed: str) -> bool:
    """Keep a delivery, if one is still wanted; tell whether it was."""
    return tx.run(_KEEP, **_of(scope, name), sealed=sealed, now_ms=tx.now_ms) == 1


def get(tx: Transaction, scope: Scope, name: str) -> SampleRow | None:
    """Return what is wanted, or was taken, of a webhook."""
    row = tx.one(_SELECT, **_of(scope, name))
    return None if row is None else SampleRow(*row)


def delete_taken(tx: Transaction, scope: Scope, name: str, *, until_ms: int) -> None:
    """Forget the delivery that was taken, if that was by ``until_ms``."""
    tx.run(_DELETE_TAKEN, **_of(scope, name), until_ms=until_ms)


def delete(tx: Transaction, scope: Scope, name: str) -> None:
    """Want nothing more of a webhook, and forget what was taken."""
    tx.run(_DELETE, **_of(scope, name))
