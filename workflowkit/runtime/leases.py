"""The heartbeat: renews the leases of the steps running in it.

A lease that could not be renewed for two thirds of its length is given up: its action is interrupted, so that a worker
cut off from the database stops before another one may start the step again (R6).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from workflowkit.base import forks
from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import LeaseInterrupt
from workflowkit.engine.interrupts import Guard
from workflowkit.store import steps
from workflowkit.store.database import Database
from workflowkit.store.steps import Lease

_log = logging.getLogger(__name__)

#: How long an action may take to end once it was interrupted, before its lease is left to run out.
OVERDUE_SECONDS = 10.0


@dataclass(slots=True, eq=False)
class _Held:
    lease: Lease
    guard: Guard
    renewed_at: float
    next_beat_at: float
    asked_to_stop_at: float | None = None

    def is_overdue(self) -> bool:
        """Tell whether the action was asked to stop and has not done so for a while."""
        if self.guard.reason is None:
            return False
        if self.asked_to_stop_at is None:
            self.asked_to_stop_at = monotonic_seconds()
        return monotonic_seconds() - self.asked_to_stop_at > OVERDUE_SECONDS


class Heartbeat:
    """Keeps leases alive. Its threads start with the first lease.

    Two threads: one renews and may have to wait for the database, the other only watches the stopwatch, so that a
    database that hangs cannot keep an action from being stopped in time.
    """

    def __init__(self, database: Database, *, lease_seconds: float) -> None:
        self._database = database
        self._lease_seconds = lease_seconds
        self._beat_seconds = lease_seconds / 3
        self._begin()
        forks.register(self._begin)

    def _begin(self) -> None:
        # In a child as well: the leases of the parent are kept by the parent.
        self._held: set[_Held] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    @contextmanager
    def keeping(self, lease: Lease, guard: Guard) -> Iterator[None]:
        """Renew ``lease`` while the block runs; interrupt ``guard`` if that becomes impossible."""
        now = monotonic_seconds()
        held = _Held(lease, guard, renewed_at=now, next_beat_at=now + self._beat_seconds)
        with self._lock:
            self._held.add(held)
            if not self._threads:
                self._start()
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(held)

    @property
    def held_count(self) -> int:
        """How many leases it keeps alive just now."""
        with self._lock:
            return len(self._held)

    def stop(self) -> None:
        """End the threads; leases are no longer renewed."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _start(self) -> None:
        for name, look in (("renewal", self._renew_due), ("stopwatch", self._give_up_late)):
            thread = threading.Thread(target=self._run, args=(look,), name=f"workflowkit-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, look: Callable[[list[_Held]], None]) -> None:
        while not self._stop.wait(self._beat_seconds / 8):
            with self._lock:
                held = list(self._held)
            look(held)

    def _renew_due(self, all_held: list[_Held]) -> None:
        for held in all_held:
            # An action that outlives its interrupt keeps its lease no longer: others may then count it as lost.
            if held.next_beat_at <= monotonic_seconds() and not held.is_overdue():
                self._renew(held)

    def _renew(self, held: _Held) -> None:
        try:
            with self._database.transaction("renew") as tx:
                started = monotonic_seconds()
                ends_at_ms = steps.renew(tx, held.lease, lease_ms=int(self._lease_seconds * 1000))
        except Exception as error:
            # Whatever it is, the other leases of this process must be renewed all the same.
            _log.warning("cannot renew the lease of step %s: %r", held.lease.step_key, error)
            return
        if ends_at_ms is not None:
            held.renewed_at, held.next_beat_at = started, started + self._beat_seconds

    def _give_up_late(self, all_held: list[_Held]) -> None:
        for held in all_held:
            # SAFETY: R6 — stopped by the own stopwatch before anybody else may start the step.
            if monotonic_seconds() - held.renewed_at >= self._lease_seconds * 2 / 3:
                held.guard.interrupt(LeaseInterrupt)
