"""The audit log of a tenant: entries that are chained by hashes, and only ever appended."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.jsonvalue import Json
from workflowkit.base.scope import Scope
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What somebody did, to be entered."""

    actor: str
    address: str
    action: str
    subject: str
    detail: Mapping[str, Json] | None = None

    def hash_after(self, previous: str, scope: Scope, seq: int, at_ms: int) -> str:
        """Return the hash of the entry that this makes behind the one with the hash ``previous``."""
        detail = None if self.detail is None else dict(self.detail)
        said: list[Json] = [self.actor, self.address, self.action, self.subject, detail]
        whole: list[Json] = [previous, scope.environment, scope.tenant, seq, at_ms, *said]
        return hashlib.sha256(jsonvalue.canonical(whole)).hexdigest()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry. ``hash`` covers it and the hash of the one before."""

    seq: int
    at_ms: int
    entry: NewEntry
    hash: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Number and hash of the last entry, and of the last one that was deleted; zero and empty if there is none."""

    seq: int = 0
    hash: str = ""
    pruned_seq: int = 0
    pruned_hash: str = ""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are meant: texts that are empty are any."""

    action: str = ""
    actor: str = ""
    subject: str = ""
    from_ms: int = 0
    until_ms: int = 2**62


_OWNED = "environment = :environment AND tenant = :tenant"
_BEGIN = Sql(
    """
    INSERT INTO audit_chains (environment, tenant, seq, hash, pruned_seq, pruned_hash)
    VALUES (:environment, :tenant, 0, '', 0, '') ON CONFLICT DO NOTHING
    """
)
_CHAIN = f"SELECT seq, hash, pruned_seq, pruned_hash FROM audit_chains WHERE {_OWNED}"  # noqa: S608 - our own names
_SELECT_CHAIN, _LOCK_CHAIN = Sql(_CHAIN), Sql(_CHAIN + " {for_update}")
_EXTEND = Sql(f"UPDATE audit_chains SET seq = :seq, hash = :hash WHERE {_OWNED}")  # noqa: S608
_CUT = Sql(f"UPDATE audit_chains SET pruned_seq = :seq, pruned_hash = :hash WHERE {_OWNED}")  # noqa: S608
_COLUMNS = "seq, at_ms, actor, address, action, subject, detail, hash"
_INSERT = Sql(
    f"""
    INSERT INTO audit_log (environment, tenant, {_COLUMNS})
    VALUES (:environment, :tenant, :seq, :at_ms, :actor, :address, :action, :subject, :detail, :hash)
    """  # noqa: S608
)
_SELECT_PAGE = Sql(
    f"""
    SELECT {_COLUMNS} FROM audit_log
    WHERE {_OWNED} AND seq < :before AND at_ms >= :from_ms AND at_ms < :until_ms
        AND (:action = '' OR action = :action) AND (:actor = '' OR actor = :actor)
        AND (:subject = '' OR subject = :subject)
    ORDER BY seq DESC LIMIT :limit
    """  # noqa: S608
)
_SELECT_FROM = Sql(
    f"SELECT {_COLUMNS} FROM audit_log WHERE {_OWNED} AND seq > :after ORDER BY seq LIMIT :limit"  # noqa: S608
)
_DELETE = Sql(f"DELETE FROM audit_log WHERE {_OWNED} AND seq <= :seq")  # noqa: S608
_OLD = Sql("SELECT DISTINCT environment, tenant FROM audit_log WHERE at_ms < :before_ms LIMIT :limit")


def append(tx: Transaction, scope: Scope, new: NewEntry) -> None:
    """Enter what somebody did. Takes the lock of the tenant's chain: the last one that a transaction takes."""
    own = whose(scope)
    tx.run(_BEGIN, **own)
    chain = Chain(*tx.one(_LOCK_CHAIN, **own))
    seq = chain.seq + 1
    digest = new.hash_after(chain.hash, scope, seq, tx.now_ms)
    detail = None if new.detail is None else jsonvalue.dumps(dict(new.detail))
    tx.run(
        _INSERT, **own, seq=seq, at_ms=tx.now_ms, actor=new.actor, address=new.address, action=new.action,
        subject=new.subject, detail=detail, hash=digest,
    )  # fmt: skip
    tx.run(_EXTEND, **own, seq=seq, hash=digest)


def chain_of(tx: Transaction, scope: Scope) -> Chain:
    """Return the ends of a tenant's chain."""
    row = tx.one(_SELECT_CHAIN, **whose(scope))
    return Chain() if row is None else Chain(*row)


def find(tx: Transaction, scope: Scope, chosen: AuditFilter, *, limit: int, before: int = 2**62) -> list[AuditEntry]:
    """Return up to ``limit`` entries, newest first, those before the number ``before``."""
    rows = tx.rows(
        _SELECT_PAGE, **whose(scope), before=before, limit=limit,
        action=chosen.action, actor=chosen.actor, subject=chosen.subject, from_ms=chosen.from_ms,
        until_ms=chosen.until_ms,
    )  # fmt: skip
    return [_from_row(row) for row in rows]


def find_after(tx: Transaction, scope: Scope, after: int, *, limit: int) -> list[AuditEntry]:
    """Return up to ``limit`` entries, oldest first, those behind the number ``after``."""
    rows = tx.rows(_SELECT_FROM, **whose(scope), after=after, limit=limit)
    return [_from_row(row) for row in rows]


def prune(tx: Transaction, scope: Scope, *, before_ms: int, limit: int) -> int:
    """Delete the oldest entries of a tenant that are older than a time, at most ``limit``; return how many."""
    own = whose(scope)
    row = tx.one(_LOCK_CHAIN, **own)
    old = [] if row is None else find_after(tx, scope, Chain(*row).pruned_seq, limit=limit)
    # Only from the beginning: what is left is a chain.
    count = next((index for index, entry in enumerate(old) if entry.at_ms >= before_ms), len(old))
    if count == 0:
        return 0
    last = old[count - 1]
    tx.run(_CUT, **own, seq=last.seq, hash=last.hash)
    return tx.run(_DELETE, **own, seq=last.seq)


def find_old(tx: Transaction, *, before_ms: int, limit: int) -> list[Scope]:
    """Return tenants that have entries older than a time."""
    return [Scope(*row) for row in tx.rows(_OLD, before_ms=before_ms, limit=limit)]


def _from_row(row: Sequence[Any]) -> AuditEntry:
    seq, at_ms, actor, address, action, subject, detail, digest = row
    new = NewEntry(actor, address, action, subject, None if detail is None else jsonvalue.loads(detail))
    return AuditEntry(seq, at_ms, new, digest)
