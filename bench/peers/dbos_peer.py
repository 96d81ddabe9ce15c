"""DBOS on PostgreSQL, in its two forms: workflows started in process, and through its queue.

In process is its faster form and the one compared; then each worker process makes its own share of the load. The queue
is what an application with separate workers uses; it polls.
"""

from __future__ import annotations

from pathlib import Path

from bench.peers.base import WORKER_PROCESSES, Intake, Peer
from bench.venvs import python_of

#: DBOS's own default.
_QUEUE_POLL_SECONDS = 1.0


class DbosPeer(Peer):
    """Two application processes, each starting and executing half of the runs."""

    name = "dbos"
    packages = ("dbos", "sqlalchemy", "psycopg", "flask", "gunicorn")
    uses = ("postgresql",)

    @property
    def python(self) -> Path:
        return python_of("dbos")

    def start(self) -> None:
        self.servers.fresh_database(self.database)
        for number in range(WORKER_PROCESSES):
            self.drivers.append(self.spawn_driver("worker", "bench.peers.dbos_driver", str(number)))

    def start_intake(self) -> Intake:
        self._start_queue_workers()
        port = self.spawn_gunicorn("bench.peers.dbos_web:app")
        return Intake(port, "/event", "/events", {})

    def _start_queue_workers(self) -> None:
        self.servers.fresh_database(self.database)
        for number in range(WORKER_PROCESSES):
            driver = self.spawn_driver(
                "worker", "bench.peers.dbos_driver", str(number), "--queue", str(_QUEUE_POLL_SECONDS)
            )
            self.drivers.append(driver)


class DbosQueuePeer(DbosPeer):
    """Two worker processes behind a DBOS queue, and a client that enqueues."""

    name = "dbos-queue"
    workloads = frozenset({"W1"})

    def start(self) -> None:
        self._start_queue_workers()
        self.drivers[:] = [self.spawn_driver("client", "bench.peers.dbos_client")]


class DbosSinglePeer(DbosPeer):
    """One application process: how DBOS behaves without a second one."""

    name = "dbos-single"
    workloads = frozenset({"W1"})

    def start(self) -> None:
        self.servers.fresh_database(self.database)
        self.drivers.append(self.spawn_driver("worker", "bench.peers.dbos_driver", "0"))
