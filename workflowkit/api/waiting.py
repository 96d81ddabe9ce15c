"""Holding a request until its run has ended, so that a client need not ask again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from workflowkit.base import forks
from workflowkit.base.clock import monotonic_seconds, sleep
from workflowkit.base.scope import Scope
from workflowkit.store import queries
from workflowkit.store.database import Database

MAX_WAIT_SECONDS = 30
#: For those who want nothing but the result.
MAX_RESULT_WAIT_SECONDS = 300
#: How many requests of a process may wait at once; a waiting one occupies a server thread.
MAX_WAITING = 4
#: The first pause between two looks, and the longest.
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.5


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Waiting:
    """The waiting requests of one process. ``pause`` lets the given seconds pass between two looks."""

    database: Database
    pause: Callable[[float], object] = sleep
    _places: list[threading.BoundedSemaphore] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._begin()
        forks.register(self._begin)

    def _begin(self) -> None:
        self._places[:] = [threading.BoundedSemaphore(MAX_WAITING)]

    def until_ended(self, scope: Scope, run_id: str, *, seconds: float) -> None:
        """Return when the run has ended, after ``seconds``, or at once if too many wait. Raises ``NotFound``."""

        def has_ended() -> bool:
            with self.database.read() as tx:
                return queries.get_run(tx, scope, run_id).status.is_terminal

        if seconds > 0:
            self.until(has_ended, seconds=seconds)

    def until(self, is_over: Callable[[], bool], *, seconds: float) -> None:
        """Return when ``is_over`` says so, after ``seconds``, or after one look if too many wait.

        Raises what ``is_over`` raises. No connection is held while waiting.
        """
        places = self._places[0]
        if is_over() or seconds <= 0 or not places.acquire(blocking=False):
            return
        try:
            self._look(is_over, monotonic_seconds() + seconds)
        finally:
            places.release()

    def _look(self, is_over: Callable[[], bool], deadline: float) -> None:
        pause_seconds = _FIRST_PAUSE_SECONDS
        while (left := deadline - monotonic_seconds()) > 0:
            self.pause(min(pause_seconds, left))
            if is_over():
                return
            pause_seconds = min(pause_seconds * 1.5, _LONGEST_PAUSE_SECONDS)
