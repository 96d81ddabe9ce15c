"""Gateways: the processes that hold the sockets of connected workers. They belong to an environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.store.statements import Sql
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class GatewayRow:
    """A gateway as it reports itself, with how many sockets it holds. ``url`` is how workers reach it.

    Without one, that is ``port`` at the host at which they have reached the API.
    """

    id: str
    environment: str
    url: str | None
    port: int
    connection_count: int = 0


_REPORT = Sql(
    """
    INSERT INTO gateways (id, environment, url, port, started_at_ms, seen_at_ms)
    VALUES (:id, :environment, :url, :port, :now_ms, :now_ms)
    ON CONFLICT (id) DO UPDATE SET seen_at_ms = excluded.seen_at_ms
    """
)
_DRAIN = Sql("UPDATE gateways SET draining_at_ms = :now_ms WHERE id = :id AND draining_at_ms IS NULL")
_REMOVE = Sql("DELETE FROM gateways WHERE id = :id")
_FORGET = Sql("DELETE FROM gateways WHERE seen_at_ms < :before_ms")
_FIND = Sql(
    """
    SELECT id, environment, url, port,
        (SELECT count(*) FROM connections WHERE gateway_id = gateways.id AND status <> 'disconnected')
    FROM gateways
    WHERE environment = :environment AND seen_at_ms >= :after_ms AND draining_at_ms IS NULL ORDER BY 5, id
    """
)


def report(tx: Transaction, gateway: GatewayRow) -> None:
    """Note that a gateway is there now."""
    tx.run(
        _REPORT, id=gateway.id, environment=gateway.environment, url=gateway.url, port=gateway.port, now_ms=tx.now_ms
    )


def drain(tx: Transaction, gateway_id: str) -> None:
    """Note that a gateway takes no further workers."""
    tx.run(_DRAIN, id=gateway_id, now_ms=tx.now_ms)


def remove(tx: Transaction, gateway_id: str) -> None:
    """Drop a gateway that ends."""
    tx.run(_REMOVE, id=gateway_id)


def forget(tx: Transaction, *, before_ms: int) -> None:
    """Drop the gateways that were last heard of before a time."""
    tx.run(_FORGET, before_ms=before_ms)


def find(tx: Transaction, environment: str, *, seen_after_ms: int) -> list[GatewayRow]:
    """Return the gateways that take workers, the one with the fewest first."""
    rows: Sequence[Any] = tx.rows(_FIND, environment=environment, after_ms=seen_after_ms)
    return [GatewayRow(*row) for row in rows]
