"""Published messages, kept for a short time so that a subscriber who comes back gets what it missed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base.scope import Scope
from workflowkit.base.sealing import Sealing
from workflowkit.engine.channels import Message, Part
from workflowkit.store.sealed import open_text, seal_text
from workflowkit.store.statements import InsertInto, Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A message as it was published. ``seq`` grows along a channel."""

    seq: int
    topic: str
    data: Any
    at_ms: int
    part: Part | None = None


def _seal_row(sealing: Sealing, row: Sequence[Any]) -> tuple[Any, ...]:
    environment, tenant, channel, topic, data, *others = row
    place = _place(Scope(environment, tenant), channel)
    return (environment, tenant, channel, topic, seal_text(sealing, data, place), *others)


_INSERT = InsertInto("messages", ("environment", "tenant", "channel", "topic", "data", "at_ms", "part"), seal=_seal_row)
# Numbers are given in the order of the commits, so that a subscriber who has seen one has seen all before it.
_LOCK_CHANNEL = Sql("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_FORGET = Sql(
    """
    DELETE FROM messages WHERE seq IN (
        SELECT seq FROM messages
        WHERE environment = :environment AND tenant = :tenant AND at_ms <= :until_ms
        ORDER BY at_ms LIMIT :most {skip_locked}
    )
    """
)
_AFTER = Sql(
    """
    SELECT seq, topic, data, at_ms, part FROM messages
    WHERE channel = :channel AND environment = :environment AND tenant = :tenant AND seq > :after
    ORDER BY seq LIMIT :most
    """
)
_NEWEST = Sql(
    """
    SELECT coalesce(max(seq), 0) FROM messages
    WHERE channel = :channel AND environment = :environment AND tenant = :tenant
    """
)
_GROWN = Sql(
    """
    SELECT environment, tenant, channel, max(seq) FROM messages WHERE channel {in_ids} AND seq > :after
    GROUP BY environment, tenant, channel
    """
)


def insert(tx: Transaction, scope: Scope, messages: Iterable[Message]) -> None:
    """Publish messages, in order.

    Locks their channels until the commit, in the order of their names: after everything else.
    """
    rows = [
        (
            scope.environment, scope.tenant, each.channel, each.topic, each.text, tx.now_ms,
            None if each.part is None else str(each.part),
        )
        for each in messages
    ]  # fmt: skip
    channels = sorted({row[2] for row in rows})
    if tx.is_postgresql:  # on SQLite there is one writer at a time anyway
        for channel in channels:
            tx.one(_LOCK_CHANNEL, key=f"{scope.environment}/{scope.tenant}/{channel}")
    tx.insert(_INSERT, rows)
    tx.changed.update(channels)


def forget(tx: Transaction, scope: Scope, *, until_ms: int, most: int) -> int:
    """Delete up to ``most`` messages of a tenant that were published until then; return how many."""
    return tx.run(_FORGET, **whose(scope), until_ms=until_ms, most=most)


def find_after(tx: Transaction, scope: Scope, channel: str, *, after: int, most: int) -> list[PublishedRow]:
    """Return up to ``most`` messages of a channel behind the number ``after``, in order."""
    rows = tx.rows(_AFTER, **whose(scope), channel=channel, after=after, most=most)
    place = _place(scope, channel)
    return [
        PublishedRow(
            seq, topic, open_text(tx.sealing, data, place), at_ms, None if part is None else Part.parse(part)
        )
        for seq, topic, data, at_ms, part in rows
    ]  # fmt: skip


def newest(tx: Transaction, scope: Scope, channel: str) -> int:
    """Return the number of the last message of a channel, 0 if there is none."""
    return int(tx.one(_NEWEST, **whose(scope), channel=channel)[0])


def grown(tx: Transaction, channels: Sequence[str], *, after: int) -> Sequence[tuple[str, str, str, int]]:
    """Return the last numbers of channels that have messages behind ``after``: (environment, tenant, channel, number),
    of all tenants."""
    return tx.rows(_GROWN, ids=list(channels), after=after)


def _place(scope: Scope, channel: str) -> str:
    return f"{scope.environment}/{scope.tenant}/messages/{channel}"
