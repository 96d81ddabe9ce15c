"""Gateways and the workers that are connected to them: who is there, and where a worker may go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from workflowkit.base.errors import AlreadyExists
from workflowkit.base.ids import new_id
from workflowkit.store import connections, gateways, workerrequests
from workflowkit.store.connections import ConnectedApp, ConnectionRow, ConnectionStatus
from workflowkit.store.database import Database
from workflowkit.store.gateways import GatewayRow

#: How often a gateway reports itself, and how long after its last report it counts as gone.
REPORT_SECONDS, SILENT_MS = 5.0, 20_000
#: How long a connection that has ended is remembered, and how soon its worker comes back with another one.
REMEMBERED_MS, RETURNING_MS = 300_000, 60_000


class Connecting:
    """What gateways tell of themselves and their workers. Thread-safe."""

    def __init__(self, database: Database, environment: str, *, listed: int) -> None:
        self._database, self._environment, self._listed = database, environment, listed

    def open(self, *, url: str | None, port: int) -> GatewayRow:
        """Note that a gateway begins; return its row."""
        with self._database.transaction("connect") as tx:
            row = GatewayRow(new_id(tx.now_ms), self._environment, url, port)
            gateways.report(tx, row)
        return row

    def report(self, gateway: GatewayRow, connection_ids: Sequence[str]) -> None:
        """Note that a gateway is there, with these connections; forget those that have been gone for long."""
        with self._database.transaction("connect") as tx:
            gateways.report(tx, gateway)
            connections.see(tx, connection_ids)
            gateways.forget(tx, before_ms=tx.now_ms - REMEMBERED_MS)
            connections.forget(tx, before_ms=tx.now_ms - REMEMBERED_MS)
            workerrequests.forget(tx)

    def drain(self, gateway: GatewayRow) -> None:
        """Note that a gateway is about to end: it is sent neither workers nor requests any more."""
        with self._database.transaction("connect") as tx:
            gateways.drain(tx, gateway.id)

    def close(self, gateway: GatewayRow) -> None:
        """Note that a gateway has ended, and all its connections."""
        with self._database.transaction("connect") as tx:
            connections.leave(tx, gateway.id)
            gateways.remove(tx, gateway.id)

    def gateway_for(self, excluded: Collection[str] = ()) -> GatewayRow | None:
        """Return the gateway that a worker should connect to: one that is not excluded if there is any other."""
        with self._database.read() as tx:
            found = gateways.find(tx, self._environment, seen_after_ms=tx.now_ms - SILENT_MS)
        others = [each for each in found if each.id not in excluded]
        return next(iter(others or found), None)

    # --- connections

    def known_apps(self, instance_id: str, apps: Sequence[ConnectedApp]) -> frozenset[str]:
        """Return the apps that need no registration: their code was here before, and has been replaced since.

        So a worker of the old version that only connects anew, while those of the new one are there, does not bring its
        own back.
        """
        with self._database.read() as tx:
            after_ms, lately_ms = tx.now_ms - SILENT_MS, tx.now_ms - RETURNING_MS
            return frozenset(
                app.app_id
                for app in apps
                if connections.is_known(
                    tx, self._environment, app.app_id, instance_id=instance_id, app_hash=app.hash,
                    seen_after_ms=after_ms, lately_ms=lately_ms,
                )
            )  # fmt: skip

    def connect(self, connection: ConnectionRow, apps: Sequence[ConnectedApp]) -> None:
        """Note a connection that is being made. Raises ``AlreadyExists`` if its id was used before."""
        try:
            with self._database.transaction("connect") as tx:
                connections.insert(tx, replace(connection, environment=self._environment), apps)
        except self._database.integrity_error:
            raise AlreadyExists(f"the connection {connection.id} was made before") from None

    def set_status(self, connection_id: str, status: ConnectionStatus) -> None:
        """Note how a connection stands."""
        with self._database.transaction("connect") as tx:
            connections.set_status(tx, connection_id, status)

    def remove(self, connection_id: str) -> None:
        """Forget a connection whose worker has said that it leaves: who comes in its place is another one."""
        with self._database.transaction("connect") as tx:
            connections.remove(tx, connection_id)

    def find(self, *, app_id: str | None = None) -> list[ConnectionRow]:
        """Return the connections that are alive, all or those of an app."""
        with self._database.read() as tx:
            after_ms = tx.now_ms - SILENT_MS
            return connections.find(
                tx, self._environment, seen_after_ms=after_ms, limit=self._listed, app_id=app_id
            )  # fmt: skip

    def apps_of(self, connection_id: str) -> list[ConnectedApp]:
        """Return the apps of a connection."""
        with self._database.read() as tx:
            return connections.apps_of(tx, connection_id)
