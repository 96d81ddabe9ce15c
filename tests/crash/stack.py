"""Real worker processes on PostgreSQL and Redis, which a test may kill, stop and wait for.

The processes are forked from a server that has everything imported: starting one costs milliseconds, not two seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

import orders
import services
import sqlalchemy as sa

LEASE_SECONDS = 1.5
DEADLINE_SECONDS = 80.0

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    [
        "orders",
        "journey",
        "voyage",
        "passage",
        "mixture",
        "medley",
        "workflowkit.composition",
        "workflowkit.dispatch.consumer",
        "celery.apps.worker",
    ]
)


class Stack:
    """The processes of one test, over one database and one broker. ``app`` says what they do."""

    def __init__(self, database_url: str, redis_url: str, directory: Path, app: ModuleType) -> None:
        self._app = app
        self.directory = directory
        self.ledger_path = directory / "ledger"
        self.processes: list[BaseProcess] = []
        self.engine = sa.create_engine(sa.make_url(database_url).set(drivername="postgresql+psycopg"))
        self._environment = {
            "WORKFLOWKIT_DATABASE_URL": database_url,
            "WORKFLOWKIT_BROKER_URL": redis_url,
            "WORKFLOWKIT_LEASE_SECONDS": str(LEASE_SECONDS),
            "WORKFLOWKIT_RELAY_INTERVAL_SECONDS": "0.2",
            "WORKFLOWKIT_HINT_GRACE_SECONDS": "0.5",
            "CRASH_LEDGER": str(self.ledger_path),
        }

    def work(self, *, failpoint: str = "", **environment: str) -> BaseProcess:
        """Start a worker; ``failpoint`` is ``<name>:<action>:<hit>``."""
        return self._fork(self._app.work, failpoint, environment)

    def send(self, event_id: str, *, failpoint: str = "") -> int:
        """Send the event from a process of its own and return its exit code."""
        sender = self._fork(self._app.send, failpoint, {"CRASH_EVENT_ID": event_id})
        sender.join(DEADLINE_SECONDS)
        assert sender.exitcode is not None, self.logs()
        return sender.exitcode

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(sa.text(sql)).mappings()]

    def wait_for_runs(self, count: int) -> None:
        """Wait until so many runs have ended, and fail with the logs otherwise."""
        query = "SELECT count(*) AS n FROM runs WHERE finished_at_ms IS NOT NULL"
        if not services.wait_until(lambda: self.rows(query)[0]["n"] >= count, timeout_seconds=DEADLINE_SECONDS):
            raise AssertionError(f"runs did not end: {self.rows('SELECT * FROM steps')}\n{self.logs()}")

    def wait_for_death(self, process: BaseProcess) -> None:
        """Wait until a process has died by the failpoint it was given."""
        process.join(DEADLINE_SECONDS)
        assert process.exitcode == -signal.SIGKILL, f"exit code {process.exitcode}\n{self.logs()}"

    def attempts(self) -> Counter[str]:
        """Return how often each action was really started."""
        if not self.ledger_path.exists():
            return Counter()
        return Counter(line.split()[0] for line in self.ledger_path.read_text().splitlines())

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.directory.glob("*.log")))

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.join()
            process.close()
        self.engine.dispose()

    def _fork(self, target: Any, failpoint: str, environment: dict[str, str]) -> BaseProcess:
        log_path = self.directory / f"process-{len(self.processes)}.log"
        armed = f"{failpoint}:{self.directory / 'hits'}" if failpoint else ""
        process = _forks.Process(
            target=_in_child, args=(target, str(log_path), armed, {**self._environment, **environment})
        )
        process.start()
        self.processes.append(process)
        return process


class Crew:
    """Workers of a stack of which one is killed now and then; another one takes its place at once."""

    def __init__(self, stack: Stack, size: int, *, lease_seconds: int) -> None:
        self._stack, self._lease_seconds = stack, lease_seconds
        self._workers = [self._worker() for _ in range(size)]
        #: When, in nanoseconds, which process was killed.
        self.killed_at: dict[int, int] = {}

    def kill(self, place: int) -> None:
        """Kill a worker."""
        victim = self._workers[place]
        assert victim.is_alive(), self._stack.logs()
        assert victim.pid is not None
        victim.kill()
        victim.join()
        self.killed_at[victim.pid] = time.time_ns()
        self._workers[place] = self._worker()

    def _worker(self) -> BaseProcess:
        return self._stack.work(WORKFLOWKIT_LEASE_SECONDS=str(self._lease_seconds))


def _in_child(target: Any, log_path: str, failpoint: str, environment: dict[str, str]) -> None:
    from workflowkit.base import failpoints

    log = os.open(log_path, os.O_WRONLY | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(environment)
    failpoints.arm(failpoint)
    sys.exit(target())


@contextmanager
def a_stack(database_url: str, redis_url: str, directory: Path, app: ModuleType = orders) -> Iterator[Stack]:
    """Open a stack on a migrated database; every process is gone afterwards."""
    directory.mkdir(exist_ok=True)
    stack = Stack(database_url, redis_url, directory, app)
    try:
        yield stack
    finally:
        stack.close()
