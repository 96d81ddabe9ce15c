"""Connections of workers, and the apps that each of them brings. They belong to an environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.store.statements import InsertInto, Sql
from workflowkit.store.transactions import Transaction


class ConnectionStatus(StrEnum):
    """How far a connection has come: only a ``ready`` one is sent requests."""

    CONNECTED = "connected"
    READY = "ready"
    DRAINING = "draining"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A socket of a worker. ``max_requests`` is how many it takes at a time; ``machine`` is what it says of itself."""

    id: str
    environment: str
    gateway_id: str
    instance_id: str
    status: ConnectionStatus
    sdk: str
    machine: Mapping[str, Any]
    max_requests: int
    connected_at_ms: int = 0
    seen_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class ConnectedApp:
    """An app of a connection. ``functions`` are the SDK's names of them.

    ``is_synced`` if this connection brought it into force.
    """

    app_id: str
    version: str | None
    hash: str
    functions: tuple[str, ...]
    is_synced: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A connection that could take a request of an app. ``is_current`` if it has what is in force of the app."""

    id: str
    gateway_id: str
    max_requests: int
    busy_count: int
    is_current: bool
    functions: tuple[str, ...] = field(default=())

    @property
    def has_room(self) -> bool:
        return self.busy_count < self.max_requests


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection as operators see it: what it is executing, and the apps of it, without their functions."""

    connection: ConnectionRow
    busy_count: int
    apps: tuple[ConnectedApp, ...]


_COLUMNS = (
    "id", "environment", "gateway_id", "instance_id", "status", "sdk", "machine", "max_requests", "connected_at_ms",
    "seen_at_ms",
)  # fmt: skip
_INSERT = InsertInto("connections", _COLUMNS)
_INSERT_APP = InsertInto(
    "connected_apps", ("connection_id", "app_id", "environment", "version", "hash", "functions", "synced_at_ms")
)
_SET_STATUS = Sql("UPDATE connections SET status = :status WHERE id = :id AND status <> 'disconnected'")
_SEE = Sql("UPDATE connections SET seen_at_ms = :now_ms WHERE id {in_ids}")
_LEAVE = Sql(
    """
    UPDATE connections SET status = 'disconnected', seen_at_ms = :now_ms
    WHERE gateway_id = :gateway_id AND status <> 'disconnected'
    """
)
# What a gateway that died has left behind is not heard of any more, either.
_FORGET_APPS = Sql(
    """
    DELETE FROM connected_apps WHERE connection_id IN (SELECT id FROM connections WHERE seen_at_ms < :before_ms)
    """
)
_FORGET = Sql("DELETE FROM connections WHERE seen_at_ms < :before_ms")
_REMOVE_APPS = Sql("DELETE FROM connected_apps WHERE connection_id = :id")
_REMOVE = Sql("DELETE FROM connections WHERE id = :id")
_FIND = Sql(
    f"""
    SELECT {", ".join(_COLUMNS)} FROM connections
    WHERE environment = :environment AND status <> 'disconnected' AND seen_at_ms >= :after_ms AND (:any_app OR id IN
        (SELECT connection_id FROM connected_apps WHERE environment = :environment AND app_id = :app_id))
    ORDER BY id LIMIT :limit
    """  # noqa: S608 - names from our own code
)
_COUNT = Sql(
    """
    SELECT connected_apps.app_id, count(*) FROM connected_apps JOIN connections ON connections.id = connection_id
    WHERE connected_apps.environment = :environment AND status <> 'disconnected' AND seen_at_ms >= :after_ms
    GROUP BY connected_apps.app_id
    """
)
_APPS = Sql("SELECT app_id, version, hash FROM connected_apps WHERE connection_id = :connection_id ORDER BY app_id")
_BUSY = """
    (SELECT count(*) FROM worker_requests
     WHERE worker_requests.connection_id = connections.id AND replied_at_ms IS NULL AND lease_ends_at_ms > :now_ms)
"""
_OVERVIEW = Sql(
    f"""
    SELECT {", ".join(_COLUMNS)}, {_BUSY} FROM connections
    WHERE status <> 'disconnected' AND seen_at_ms >= :after_ms ORDER BY id LIMIT :limit
    """  # noqa: S608
)
_APPS_OF_MANY = Sql(
    """
    SELECT connection_id, app_id, version, hash FROM connected_apps WHERE connection_id {in_ids} ORDER BY app_id
    """
)
_CURRENT = """
    (SELECT hash FROM connected_apps
     WHERE environment = :environment AND app_id = :app_id AND synced_at_ms IS NOT NULL
     ORDER BY synced_at_ms DESC, connection_id DESC LIMIT 1)
"""
# Of a connection that ended during an outage nobody could say so: its gateway does not report it any more.
_CANDIDATES = Sql(
    f"""
    SELECT connections.id, gateway_id, max_requests, {_BUSY}, connected_apps.hash = {_CURRENT}, functions
    FROM connected_apps JOIN connections ON connections.id = connection_id JOIN gateways ON gateways.id = gateway_id
    WHERE connected_apps.environment = :environment AND app_id = :app_id AND status = 'ready'
        AND draining_at_ms IS NULL AND gateways.seen_at_ms >= :after_ms AND connections.seen_at_ms >= :after_ms
    """  # noqa: S608
)
_LOCK = Sql("SELECT max_requests FROM connections WHERE id = :id AND status = 'ready' {for_update}")
_COUNT_BUSY = Sql(f"SELECT {_BUSY} FROM connections WHERE id = :id")  # noqa: S608
_KNOWN = Sql(
    f"""
    SELECT 1 FROM connected_apps JOIN connections ON connections.id = connection_id
    WHERE connected_apps.environment = :environment AND app_id = :app_id AND instance_id = :instance_id
        AND connections.seen_at_ms >= :lately_ms AND hash = :hash AND hash <> {_CURRENT} AND EXISTS (
            SELECT 1 FROM connected_apps AS others JOIN connections AS live ON live.id = others.connection_id
            WHERE others.environment = :environment AND others.app_id = :app_id AND live.status <> 'disconnected'
                AND live.seen_at_ms >= :after_ms AND others.hash = {_CURRENT})
    LIMIT 1
    """  # noqa: S608
)


def insert(tx: Transaction, connection: ConnectionRow, apps: Sequence[ConnectedApp]) -> None:
    """Note a connection that has just been made, and its apps. Its id must be new."""
    tx.insert(
        _INSERT,
        [
            (
                connection.id, connection.environment, connection.gateway_id, connection.instance_id,
                connection.status.value, connection.sdk, jsonvalue.dumps(connection.machine), connection.max_requests,
                tx.now_ms, tx.now_ms,
            )
        ],
    )  # fmt: skip
    rows = [
        (
            connection.id, app.app_id, connection.environment, app.version, app.hash, jsonvalue.dumps(app.functions),
            tx.now_ms if app.is_synced else None,
        )
        for app in apps
    ]  # fmt: skip
    tx.insert(_INSERT_APP, rows)


def set_status(tx: Transaction, connection_id: str, status: ConnectionStatus) -> None:
    """Note how a connection stands; one that has ended stays so."""
    tx.run(_SET_STATUS, id=connection_id, status=status.value)


def see(tx: Transaction, connection_ids: Sequence[str]) -> None:
    """Note that these connections are alive now."""
    tx.run(_SEE, ids=list(connection_ids), now_ms=tx.now_ms)


def remove(tx: Transaction, connection_id: str) -> None:
    """Drop a connection whose worker has said that it leaves."""
    tx.run(_REMOVE_APPS, id=connection_id)
    tx.run(_REMOVE, id=connection_id)


def leave(tx: Transaction, gateway_id: str) -> None:
    """Note that all connections of a gateway have ended."""
    tx.run(_LEAVE, gateway_id=gateway_id, now_ms=tx.now_ms)


def forget(tx: Transaction, *, before_ms: int) -> None:
    """Drop the connections that were last heard of before a time."""
    tx.run(_FORGET_APPS, before_ms=before_ms)
    tx.run(_FORGET, before_ms=before_ms)


def find(
    tx: Transaction, environment: str, *, seen_after_ms: int, limit: int, app_id: str | None = None
) -> list[ConnectionRow]:
    """Return up to ``limit`` connections that are alive, all or those that bring an app."""
    rows = tx.rows(
        _FIND, environment=environment, after_ms=seen_after_ms, limit=limit, any_app=app_id is None,
        app_id=app_id or "",
    )  # fmt: skip
    return [_record(row) for row in rows]


def overview(tx: Transaction, *, seen_after_ms: int, limit: int) -> list[Connected]:
    """Return up to ``limit`` connections of all environments that are alive, the oldest first."""
    rows = tx.rows(_OVERVIEW, after_ms=seen_after_ms, now_ms=tx.now_ms, limit=limit)
    apps: dict[str, list[ConnectedApp]] = {row[0]: [] for row in rows}
    for connection_id, app_id, version, app_hash in tx.rows(_APPS_OF_MANY, ids=list(apps)):
        apps[connection_id].append(ConnectedApp(app_id, version, app_hash, ()))
    return [Connected(_record(row[:-1]), row[-1], tuple(apps[row[0]])) for row in rows]


def count_by_app(tx: Transaction, environment: str, *, seen_after_ms: int) -> dict[str, int]:
    """Return how many connections each app has that are alive; apps without any are left out."""
    return dict(map(tuple, tx.rows(_COUNT, environment=environment, after_ms=seen_after_ms)))


def apps_of(tx: Transaction, connection_id: str) -> list[ConnectedApp]:
    """Return the apps of a connection, without their functions."""
    return [ConnectedApp(row[0], row[1], row[2], ()) for row in tx.rows(_APPS, connection_id=connection_id)]


def candidates(tx: Transaction, environment: str, app_id: str, *, seen_after_ms: int) -> list[Candidate]:
    """Return the connections of an app that are ready, at gateways that are alive."""
    rows = tx.rows(_CANDIDATES, environment=environment, app_id=app_id, after_ms=seen_after_ms, now_ms=tx.now_ms)
    # SQLite has no booleans: it gives 0 or 1.
    return [Candidate(row[0], row[1], row[2], row[3], bool(row[4]), tuple(jsonvalue.loads(row[5]))) for row in rows]


def lock_with_room(tx: Transaction, connection_id: str) -> bool:
    """Lock a connection; tell whether it is ready and takes one more request until this transaction ends.

    Whoever locks one locks no other besides: gateways update those that they have in any order.
    """
    found = tx.one(_LOCK, id=connection_id)
    if found is None:
        return False
    (busy_count,) = tx.one(_COUNT_BUSY, id=connection_id, now_ms=tx.now_ms)
    return bool(busy_count < found[0])


def is_known(
    tx: Transaction,
    environment: str,
    app_id: str,
    *,
    instance_id: str,
    app_hash: str,
    seen_after_ms: int,
    lately_ms: int,
) -> bool:
    """Tell whether a worker was here since ``lately_ms`` with code of an app that others, who are here, have replaced.

    Others are here if they were seen after ``seen_after_ms``.
    """
    found = tx.one(
        _KNOWN,
        environment=environment,
        app_id=app_id,
        instance_id=instance_id,
        hash=app_hash,
        after_ms=seen_after_ms,
        lately_ms=lately_ms,
    )
    return found is not None


def _record(row: Any) -> ConnectionRow:
    connection_id, environment, gateway_id, instance_id, status, sdk, machine, *others = row
    return ConnectionRow(
        connection_id, environment, gateway_id, instance_id, ConnectionStatus(status), sdk, jsonvalue.loads(machine),
        *others,
    )  # fmt: skip
