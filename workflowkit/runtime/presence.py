"""How a process that works lets others know that it is there: a row of its own, told again every few seconds.

Nothing depends on it: who may do what is said by leases. It is for the people who look after an installation.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

from workflowkit import __version__
from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.ids import new_id
from workflowkit.store import workers
from workflowkit.store.database import Database
from workflowkit.store.workers import Role, WorkerRow

_log = logging.getLogger(__name__)

#: How often a process reports itself.
REPORT_SECONDS = 10.0
#: How long after its last report a process counts as silent, and when it is forgotten.
SILENT_MS, FORGOTTEN_MS = 35_000, 3_600_000


@dataclass(frozen=True, slots=True)
class Serving:
    """What a process does, for those who look: its name, the queues it serves, and how many steps at a time."""

    role: Role
    name: str
    queues: tuple[str, ...] = ()
    concurrency: int = 0


class Presence:
    """The row of one process. ``count_busy`` tells how many steps it holds just now."""

    def __init__(self, database: Database, serving: Serving, count_busy: Callable[[], int]) -> None:
        self._database = database
        self._serving = serving
        self._count_busy = count_busy
        self._row: WorkerRow | None = None
        self._reported_at = float("-inf")

    def tell(self) -> None:
        """Report the process, unless it has done so lately. Raises ``StoreUnavailable``."""
        now = monotonic_seconds()
        if now - self._reported_at < REPORT_SECONDS:
            return
        self._reported_at = now
        with self._database.transaction("presence") as tx:
            row = self._row = self._row or self._new_row(tx.now_ms)
            workers.report(tx, replace(row, busy_count=self._count_busy()))
            workers.forget(tx, before_ms=tx.now_ms - FORGOTTEN_MS)

    def leave(self) -> None:
        """Take the process off the list. Where that fails, others see it fall silent."""
        if self._row is None:
            return
        try:
            with self._database.transaction("presence") as tx:
                workers.remove(tx, self._row.id)
        except StoreUnavailable as error:
            _log.warning("this process stays on the list of workers for a while: %s", error)

    def _new_row(self, now_ms: int) -> WorkerRow:
        serving = self._serving
        return WorkerRow(
            new_id(now_ms), serving.role, serving.name, socket.gethostname(), os.getpid(), __version__,
            serving.queues, serving.concurrency, now_ms,
        )  # fmt: skip


def is_silent(worker: WorkerRow, now_ms: int) -> bool:
    """Tell whether a process has not reported itself for so long that it may be gone."""
    return now_ms - worker.seen_at_ms > SILENT_MS
