"""Holding a request until its run has ended, so that a client need not ask again and again."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.scope import Scope
from workflowkit.store import queries
from workflowkit.store.database import Database

MAX_WAIT_SECONDS = 30
#: How many requests of a process may wait at once; a waiting one occupies a server thread.
MAX_WAITING = 4
#: The first pause between two looks, and the longest.
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.5


@dataclass(frozen=True, slots=True)
class Waiting:
    """The waiting requests of one process."""

    database: Database
    _places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MAX_WAITING))

    def until_ended(self, scope: Scope, run_id: str, *, seconds: float) -> None:
        """Return when the run has ended, after ``seconds``, or at once if too many wait. Raises ``NotFound``."""
        if seconds <= 0 or not self._places.acquire(blocking=False):
            return
        try:
            self._look(scope, run_id, monotonic_seconds() + seconds)
        finally:
            self._places.release()

    def _look(self, scope: Scope, run_id: str, deadline: float) -> None:
        pause, never = _FIRST_PAUSE_SECONDS, threading.Event()
        while True:
            # No connection is held while waiting.
            with self.database.read() as tx:
                if queries.get_run(tx, scope, run_id).status.is_terminal:
                    return
            left = deadline - monotonic_seconds()
            if left <= 0:
                return
            never.wait(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
