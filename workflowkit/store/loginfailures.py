"""Attempts to log in that failed, or have not succeeded yet, by what they count against."""

from __future__ import annotations

from workflowkit.store.statements import Sql
from workflowkit.store.transactions import Transaction

#: A count of a window that is over begins anew.
_COUNT = Sql(
    """
    INSERT INTO login_failures (key, failures, since_ms) VALUES (:key, 1, :now_ms)
    ON CONFLICT (key) DO UPDATE SET
        failures = CASE WHEN login_failures.since_ms <= :over_ms THEN 1 ELSE login_failures.failures + 1 END,
        since_ms = CASE WHEN login_failures.since_ms <= :over_ms THEN :now_ms ELSE login_failures.since_ms END
    RETURNING failures, since_ms
    """
)
_TAKE_BACK = Sql("UPDATE login_failures SET failures = failures - 1 WHERE key = :key AND failures > 0")
_FORGET = Sql("DELETE FROM login_failures WHERE key = :key")
#: Rows that somebody else holds are left: to wait for them here could end in a deadlock.
_DELETE_OVER = Sql(
    """
    DELETE FROM login_failures
    WHERE key IN (SELECT key FROM login_failures WHERE since_ms <= :over_ms LIMIT 1000 {skip_locked})
    """
)


def count(tx: Transaction, key: str, *, over_ms: int) -> tuple[int, int]:
    """Count an attempt, and return how many there were and since when. Windows that began by ``over_ms`` are over."""
    failures, since_ms = tx.one(_COUNT, key=key, now_ms=tx.now_ms, over_ms=over_ms)
    return failures, since_ms


def take_back(tx: Transaction, key: str) -> None:
    """Count one attempt less: it did not fail."""
    tx.run(_TAKE_BACK, key=key)


def forget(tx: Transaction, key: str) -> None:
    """Count from nothing again."""
    tx.run(_FORGET, key=key)


def delete_over(tx: Transaction, *, over_ms: int) -> None:
    """Clear away the counts of windows that began by ``over_ms``."""
    tx.run(_DELETE_OVER, over_ms=over_ms)
