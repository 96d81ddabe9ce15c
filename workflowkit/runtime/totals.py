"""Adding runs to the totals of all that have ended: shortly after their end, and before they are deleted.

Nobody who works has to: no step and no run costs a statement for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from workflowkit.store import totals
from workflowkit.store.database import Database

#: How long a run has ended before it is added. Whoever writes an end down has committed by then, or never will: a
#: statement may take a minute, and a transaction in which nothing happens seconds.
SETTLED_MS = 300_000
#: About how many runs one transaction adds.
BATCH = 50_000


class Totals:
    """The totals of an installation. Any number of processes may add to them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def mark_ms(self) -> int:
        """Return before which end all runs are in the totals."""
        with self._database.read() as tx:
            return totals.mark(tx)

    def advance(self, until_ms: int | None = None) -> Iterator[int]:
        """Add the runs that ended before a time, or all that have settled; yield the mark after each transaction."""
        settled_ms = self._database.now_ms() - SETTLED_MS
        until_ms = settled_ms if until_ms is None else min(until_ms, settled_ms)
        mark_ms: int | None = self.mark_ms()
        while mark_ms is not None and mark_ms < until_ms:
            mark_ms = self._advance(until_ms)
            if mark_ms is not None:
                yield mark_ms

    def _advance(self, until_ms: int) -> int | None:
        with self._database.transaction("total") as tx:
            return totals.advance(tx, until_ms=until_ms, most=BATCH)
