"""The heartbeat: one thread per process that renews the leases of the steps running in it.

A lease that could not be renewed for two thirds of its length is given up: its action is interrupted, so that a worker
cut off from the database stops before another one may start the step again (R6).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import LeaseInterrupt, StoreUnavailable
from workflowkit.engine.interrupts import Guard
from workflowkit.store import steps
from workflowkit.store.database import Database
from workflowkit.store.steps import Lease

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Held:
    lease: Lease
    guard: Guard
    renewed_at: float
    next_beat_at: float


class Heartbeat:
    """Keeps leases alive. The thread starts with the first lease and sleeps while there is none to renew."""

    def __init__(self, database: Database, *, lease_seconds: float) -> None:
        self._database = database
        self._lease_seconds = lease_seconds
        self._beat_seconds = lease_seconds / 3
        self._held: set[_Held] = set()
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False

    @contextmanager
    def keeping(self, lease: Lease, guard: Guard) -> Iterator[None]:
        """Renew ``lease`` while the block runs; interrupt ``guard`` if that becomes impossible."""
        now = monotonic_seconds()
        held = _Held(lease, guard, renewed_at=now, next_beat_at=now + self._beat_seconds)
        with self._condition:
            self._held.add(held)
            self._ensure_thread()
        try:
            yield
        finally:
            with self._condition:
                self._held.discard(held)

    def stop(self) -> None:
        """End the thread; leases are no longer renewed."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join()

    def _ensure_thread(self) -> None:
        if self._thread is None and not self._stopping:
            self._thread = threading.Thread(target=self._run, name="workflowkit-heartbeat", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._condition:
                if self._condition.wait_for(lambda: self._stopping, timeout=self._beat_seconds / 4):
                    return
                now = monotonic_seconds()
                due = [held for held in self._held if held.next_beat_at <= now]
            for held in due:
                self._renew(held)

    def _renew(self, held: _Held) -> None:
        try:
            with self._database.transaction("renew") as tx:
                ends_at_ms = steps.renew(tx, held.lease, lease_ms=int(self._lease_seconds * 1000))
        except StoreUnavailable as error:
            _log.warning("cannot renew the lease of step %s: %s", held.lease.step_key, error)
            ends_at_ms = None
        except Exception:
            # Whatever it is, the other leases of this process must be renewed all the same.
            _log.exception("cannot renew the lease of step %s", held.lease.step_key)
            ends_at_ms = None
        now = monotonic_seconds()
        if ends_at_ms is not None:
            held.renewed_at, held.next_beat_at = now, now + self._beat_seconds
        elif now - held.renewed_at >= self._lease_seconds * 2 / 3:
            held.guard.interrupt(LeaseInterrupt)
