"""How an installation is doing: who works, what waits, and whether database and broker answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workflowkit.base.clock import monotonic_seconds
from workflowkit.runtime.connecting import SILENT_MS
from workflowkit.store import backlog, connections, migrate, workers
from workflowkit.store.backlog import Backlog
from workflowkit.store.connections import Connected
from workflowkit.store.database import Database
from workflowkit.store.workers import WorkerRow

#: Most processes, and most connections, that are listed.
WORKERS_SHOWN = 500


@dataclass(frozen=True, slots=True)
class BrokerState:
    """The broker: what it is (``in-process`` or ``redis``), and why it cannot be reached, if so."""

    kind: str
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stood at ``now_ms``. ``latency_ms`` is how long the database took for the look at what waits.

    ``revision`` is that of the tables, ``head`` the one that this code needs.
    """

    now_ms: int
    backlog: Backlog
    is_postgresql: bool
    latency_ms: float
    revision: str | None
    head: str
    broker: BrokerState

    @property
    def relay_lag_ms(self) -> int:
        """How late the relay is with what it should have hinted first."""
        late = self.backlog.late_since_ms
        return 0 if late is None else max(0, self.now_ms - late)


class Oversight:
    """Looks after an installation as a whole, all tenants together: for operators, not for tenants."""

    def __init__(self, database: Database, look_at_broker: Callable[[], BrokerState], *, grace_ms: int) -> None:
        self._database = database
        self._look_at_broker = look_at_broker
        self._grace_ms = grace_ms

    def workers(self) -> tuple[list[WorkerRow], int]:
        """Return the processes that report themselves, and the present time."""
        with self._database.read() as tx:
            return workers.find(tx, limit=WORKERS_SHOWN), tx.now_ms

    def connections(self) -> list[Connected]:
        """Return the workers of apps that are connected."""
        with self._database.read() as tx:
            return connections.overview(tx, seen_after_ms=tx.now_ms - SILENT_MS, limit=WORKERS_SHOWN)

    def look(self) -> Standing:
        """Return how things stand. Raises ``StoreUnavailable``; a broker that is away is a part of the answer."""
        started = monotonic_seconds()
        with self._database.read() as tx:
            found, now_ms = backlog.look(tx, grace_ms=self._grace_ms), tx.now_ms
        latency_ms = (monotonic_seconds() - started) * 1000
        revision = migrate.current_revision(self._database)
        return Standing(
            now_ms, found, self._database.is_postgresql, latency_ms, revision, migrate.head_revision(),
            self._look_at_broker(),
        )  # fmt: skip
