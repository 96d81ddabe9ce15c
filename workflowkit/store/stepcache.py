"""Outputs of steps that other runs may use again for a while (``settings.cache``)."""

from __future__ import annotations

from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.store.sealed import open_text, seal_text
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction

_FIND = Sql(
    """
    SELECT output FROM step_cache
    WHERE environment = :environment AND tenant = :tenant AND cache_key = :cache_key AND expires_at_ms > :now_ms
    """
)
_KEEP = Sql(
    """
    INSERT INTO step_cache (environment, tenant, cache_key, output, expires_at_ms)
    VALUES (:environment, :tenant, :cache_key, :output, :expires_at_ms)
    ON CONFLICT (environment, tenant, cache_key) DO UPDATE
    SET output = excluded.output, expires_at_ms = excluded.expires_at_ms
    """
)
_FORGET_EXPIRED = Sql(
    """
    DELETE FROM step_cache
    WHERE environment = :environment AND tenant = :tenant AND expires_at_ms <= :now_ms
    """
)


def find(tx: Transaction, scope: Scope, cache_key: str) -> tuple[Any] | None:
    """Return the output that is kept under a key, in a tuple since it may be null; ``None`` if there is none."""
    row = tx.one(_FIND, **whose(scope), cache_key=cache_key, now_ms=tx.now_ms)
    return None if row is None else (open_text(tx.sealing, row[0], _place(scope, cache_key)),)


def keep(tx: Transaction, scope: Scope, cache_key: str, output: Any, *, ttl_ms: int) -> None:
    """Keep an output for ``ttl_ms``; what the tenant has that is too old goes."""
    tx.run(_FORGET_EXPIRED, **whose(scope), now_ms=tx.now_ms)
    text = seal_text(tx.sealing, jsonvalue.dumps(output), _place(scope, cache_key))
    expires_at_ms = tx.now_ms + ttl_ms
    tx.run(_KEEP, **whose(scope), cache_key=cache_key, output=text, expires_at_ms=expires_at_ms)


def _place(scope: Scope, cache_key: str) -> str:
    return f"{scope.environment}/{scope.tenant}/cache/{cache_key}"
