"""Singleton: at most one run of a key at a time, from its start to its end.

While one is there, a new run is skipped (``skip``), or takes its place (``cancel``), or waits for its end
(``queue_latest``: only the latest waits, the one before it is dropped). The row of a key is its lock: which run holds
it and, with ``queue_latest``, which one is next. Entering and leaving change it in the transaction that starts or ends
the run, so the last event always wins and nothing is competed for. Ids of runs are derived from event and workflow; a
run that waits has an id but need not have a row. To enter or leave twice changes nothing the second time.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.definition.settings.flow import SingletonMode


@dataclass(frozen=True, slots=True)
class Lock:
    """The row of a key: ids of the run that holds it and of the one that waits."""

    holder: str
    next_up: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What a run that wants to start comes to: it is the ``lock``'s holder (starts), its next, or neither (skipped).

    ``cancelled`` is the run that has to be cancelled for it, ``superseded`` the one that waited and never starts.
    """

    lock: Lock
    cancelled: str | None = None
    superseded: str | None = None


def enter(mode: SingletonMode, lock: Lock | None, run_id: str) -> Entry:
    """Return the key's new lock and what happens to others, if ``run_id`` is to start now."""
    if lock is None:
        return Entry(Lock(run_id))
    if run_id in (lock.holder, lock.next_up) or mode is SingletonMode.SKIP:
        return Entry(lock)
    if mode is SingletonMode.CANCEL:
        return Entry(Lock(run_id), cancelled=lock.holder, superseded=lock.next_up)
    return Entry(Lock(lock.holder, run_id), superseded=lock.next_up)


def leave(lock: Lock | None, run_id: str) -> Lock | None:
    """Return the key's lock after ``run_id`` ended, or was dropped while it waited; its new holder starts now.

    A run that has no part in the lock changes nothing: it was cancelled in favour of another.
    """
    if lock is None:
        return None
    if run_id == lock.holder:
        return None if lock.next_up is None else Lock(lock.next_up)
    return Lock(lock.holder) if run_id == lock.next_up else lock
