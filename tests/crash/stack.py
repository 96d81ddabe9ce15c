"""Real worker processes on PostgreSQL and Redis, which a test may kill, stop and wait for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import services
import sqlalchemy as sa

HERE = Path(__file__).parent
LEASE_SECONDS = 1.5
DEADLINE_SECONDS = 40.0


class Stack:
    """The processes of one test, over one database and one broker."""

    def __init__(self, database_url: str, redis_url: str, directory: Path) -> None:
        self.directory = directory
        self.ledger_path = directory / "ledger"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.engine = sa.create_engine(sa.make_url(database_url).set(drivername="postgresql+psycopg"))
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(HERE),
            "WORKFLOWKIT_DATABASE_URL": database_url,
            "WORKFLOWKIT_BROKER_URL": redis_url,
            "WORKFLOWKIT_LEASE_SECONDS": str(LEASE_SECONDS),
            "WORKFLOWKIT_RELAY_INTERVAL_SECONDS": "0.2",
            "WORKFLOWKIT_HINT_GRACE_SECONDS": "0.5",
            "CRASH_LEDGER": str(self.ledger_path),
        }

    def spawn(self, *arguments: str, failpoint: str | None = None, **environment: str) -> subprocess.Popen[bytes]:
        """Start ``orders.py`` with arguments; ``failpoint`` is ``<name>:<action>:<hit>``."""
        environ = {**self._environment, **environment}
        if failpoint is not None:
            environ["WORKFLOWKIT_FAILPOINT"] = f"{failpoint}:{self.directory / 'hits'}"
        log = open(self.directory / f"process-{len(self.processes)}.log", "wb")  # noqa: SIM115 - closed with the process
        with log:
            process = subprocess.Popen(
                [sys.executable, str(HERE / "orders.py"), *arguments], env=environ, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def send(self, event_id: str, **options: Any) -> int:
        """Send the event from a process of its own and return its exit code."""
        return self.spawn("send", event_id, **options).wait(DEADLINE_SECONDS)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(sa.text(sql)).mappings()]

    def wait_for_runs(self, count: int) -> None:
        """Wait until so many runs have ended, and fail with the logs otherwise."""
        query = "SELECT count(*) AS n FROM runs WHERE finished_at_ms IS NOT NULL"
        if not services.wait_until(lambda: self.rows(query)[0]["n"] >= count, timeout_seconds=DEADLINE_SECONDS):
            raise AssertionError(f"runs did not end: {self.rows('SELECT * FROM steps')}\n{self.logs()}")

    def wait_for_death(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until a process has died by the failpoint it was given."""
        try:
            assert process.wait(DEADLINE_SECONDS) == -signal.SIGKILL, self.logs()
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the failpoint was never reached\n{self.logs()}") from None

    def attempts(self) -> Counter[str]:
        """Return how often each action was really started."""
        if not self.ledger_path.exists():
            return Counter()
        return Counter(line.split()[0] for line in self.ledger_path.read_text().splitlines())

    def outcome(self) -> list[Any]:
        """Return everything about the runs that must not depend on faults."""
        runs = self.rows("SELECT id, status, output, error, handled_failures FROM runs ORDER BY created_at_ms, id")
        finals = self.rows(
            """
            SELECT run_id, step_key, kind, data::json ->> 'output' AS output, data::json ->> 'edges' AS edges
            FROM journal WHERE kind IN ('completed', 'failed', 'skipped', 'cancelled') ORDER BY run_id, step_key
            """
        )
        numbers = {run["id"]: number for number, run in enumerate(runs)}
        return [
            *({**run, "id": numbers[run["id"]]} for run in runs),
            *({**final, "run_id": numbers[final["run_id"]]} for final in finals),
        ]

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.directory.glob("*.log")))

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.engine.dispose()


@contextmanager
def a_stack(database_url: str, redis_url: str, directory: Path) -> Iterator[Stack]:
    directory.mkdir(exist_ok=True)
    stack = Stack(database_url, redis_url, directory)
    try:
        yield stack
    finally:
        stack.close()
