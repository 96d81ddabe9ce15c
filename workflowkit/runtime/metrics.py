"""The numbers of an installation, for those who watch it: read from the facts in the database when somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from workflowkit.base import forks
from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import StoreUnavailable
from workflowkit.runtime.presence import SILENT_MS
from workflowkit.runtime.totals import SETTLED_MS, Totals
from workflowkit.store import gauges, totals
from workflowkit.store.database import Database
from workflowkit.store.gauges import Gauges
from workflowkit.store.totals import RunCount

#: Numbers are shown again for so many times as long as it took to read them, so that reading takes a tenth of the time
#: at most. Not for longer than this: whoever asks every 15 seconds never sees older ones than before.
SHOWN_AGAIN, MOST_SHOWN_SECONDS = 10, 10.0
#: How far the totals may fall behind until somebody who asks adds to them, and how long that may take.
BEHIND_MS: Final = 60_000
CATCH_UP_SECONDS = 2.0
#: How far behind they are too many to be counted where they are.
TOO_FAR_BEHIND_MS: Final = 900_000


@dataclass(frozen=True, slots=True)
class Numbers:
    """What there is, and how long it took to read it."""

    runs: tuple[RunCount, ...]
    gauges: Gauges
    tells_tenants: bool
    is_postgresql: bool
    seconds: float


class Metrics:
    """Reads the numbers of an installation. Of tenants they name its ``own_tenant`` and those in ``tenants``."""

    def __init__(
        self, database: Database, own_tenant: str, tenants: tuple[str, ...], *, most_workflows: int, grace_ms: int,
        stopwatch: Callable[[], float] = monotonic_seconds,
    ) -> None:  # fmt: skip
        self._database, self._most_workflows = database, most_workflows
        self._own_tenant, self._tenants = own_tenant, tenants
        self._grace_ms, self._stopwatch = grace_ms, stopwatch
        self._totals = Totals(database)
        self._lock = forks.lock()
        self._shown: tuple[Numbers, float] | None = None

    def read(self) -> Numbers:
        """Return the numbers of now, or of a moment ago. Those who ask together wait for one reading.

        Raises ``StoreUnavailable``, also while runs are added to the totals that nobody has asked about for long.
        """
        with self._lock:
            started = self._stopwatch()
            if self._shown is not None and started < self._shown[1]:
                return self._shown[0]
            self._catch_up(started)
            numbers = self._read(started)
            again = min(numbers.seconds * SHOWN_AGAIN, MOST_SHOWN_SECONDS)
            self._shown = (numbers, started + again)
            return numbers

    def _catch_up(self, started: float) -> None:
        behind_ms = self._database.now_ms() - SETTLED_MS - self._totals.mark_ms()
        if behind_ms < BEHIND_MS:
            return
        for _ in self._totals.advance():
            if self._stopwatch() - started > CATCH_UP_SECONDS:
                break
        if self._database.now_ms() - self._totals.mark_ms() > SETTLED_MS + TOO_FAR_BEHIND_MS:
            raise StoreUnavailable("the runs that have ended since somebody last asked are being counted; ask again")

    def _read(self, started: float) -> Numbers:
        with self._database.read() as tx:
            runs = totals.count(
                tx, own_tenant=self._own_tenant, tenants=self._tenants, most_workflows=self._most_workflows
            )
            standing = gauges.look(tx, grace_ms=self._grace_ms, silent_ms=SILENT_MS)
        return Numbers(
            tuple(runs), standing, bool(self._tenants), self._database.is_postgresql, self._stopwatch() - started
        )
