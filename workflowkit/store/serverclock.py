"""The clock of a PostgreSQL server, as a process carries it."""

from __future__ import annotations

import sqlalchemy as sa

from workflowkit.base import forks
from workflowkit.base.clock import monotonic_seconds
from workflowkit.store.engines import READ_ONLY
from workflowkit.store.outages import unavailable

#: How long one reading of the PostgreSQL server's clock is carried forward by this machine's stopwatch.
CLOCK_SYNC_SECONDS = 1.0


class ServerClock:
    """The server's clock, read once a second and carried forward by the local stopwatch in between.

    SAFETY: I14 — leases and due times compare one clock, whatever the machines' own clocks say.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine.execution_options(**{READ_ONLY: True})
        self._lock = forks.lock()
        # The server's time and the stopwatch's reading at that moment: one value, so that no thread sees half of it.
        self._reading = (0, float("-inf"))

    def now_ms(self) -> int:
        if self._is_old():
            with self._lock:
                if self._is_old():
                    self._reading = self._read_server()
        return self.carried_ms()

    def carried_ms(self) -> int:
        """Return the last reading, carried forward however old it is."""
        base_ms, read_at = self._reading
        return base_ms + int((monotonic_seconds() - read_at) * 1000)

    def _is_old(self) -> bool:
        return monotonic_seconds() - self._reading[1] > CLOCK_SYNC_SECONDS

    def _read_server(self) -> tuple[int, float]:
        try:
            with self._engine.connect() as connection:
                row = connection.exec_driver_sql("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").one()
        except (sa.exc.OperationalError, sa.exc.TimeoutError) as error:
            raise unavailable(error) from error
        return int(row[0]), monotonic_seconds()
