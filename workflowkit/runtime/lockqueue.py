"""Runs that are run again and wait for the lock of their singleton, in the order in which they came.

Each has a timer as its place in line, which also looks by itself from time to time. Whoever gives the lock back hands
it to the first of them and calls it by another timer: its own lock is not for them to take, nor that of its place.
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.flow.singleton import Lock
from workflowkit.runtime.flowstate import States, lock_state
from workflowkit.store import timers
from workflowkit.store.flowstates import StateKey
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction

#: The kinds of the timers: a place in line, and a call. Their ``subject`` is the run.
PLACE_TIMER, CALL_TIMER = "flow.again", "flow.turn"
#: How often a run looks by itself whether the lock is free: only for what nobody has noted.
LOOK_MS = 600_000


def enter(states: States, key: StateKey, run_id: str) -> bool:
    """Give a run the lock if it is free, or note that somebody waits for it; tell which. Locks the state of ``key``."""
    states.lock([key])
    state = states.get(key)
    states.put(key, lock_state(Lock(run_id)) if state is None else {**state, "again": True})
    return state is None


def wait(tx: Transaction, key: StateKey, scope: Scope, run_id: str) -> None:
    """Put a run into the line."""
    timers.plan(tx, [_timer(PLACE_TIMER, _place(key, run_id), key, scope, run_id, tx.now_ms + LOOK_MS)])


def call(tx: Transaction, key: StateKey, scope: Scope, run_id: str) -> None:
    """Let a run begin that has got the lock."""
    timers.plan(tx, [_timer(CALL_TIMER, f"{CALL_TIMER}:{run_id}", key, scope, run_id, tx.now_ms)])


def forget(tx: Transaction, run_id: str) -> None:
    """Take a run out of the line, unless it is just being called or looks by itself: then it finds out."""
    timers.drop(tx, run_id, [PLACE_TIMER, CALL_TIMER])


def next_of(tx: Transaction, key: StateKey, *, but: str) -> str | None:
    """Return the run that is first in line, other than ``but``."""
    return timers.first_subject(tx, *_line(key), but=but)


def ahead_of(tx: Transaction, key: StateKey, run_id: str) -> int:
    """Return how many runs are in line before one."""
    return timers.count_between(tx, _line(key)[0], _place(key, run_id))


def key_of(timer: TimerRow) -> StateKey:
    """Return the key of the lock that a timer of this module is about."""
    return StateKey(*(timer.data or {})["key"])


def _timer(kind: str, timer_id: str, key: StateKey, scope: Scope, run_id: str, due_at_ms: int) -> TimerRow:
    return TimerRow(timer_id, kind, scope, run_id, due_at_ms, {"key": list(astuple(key))})


def _line(key: StateKey) -> tuple[str, str]:
    # Ids of ours are 26 digits and capital letters, in every collation between these two.
    return _place(key, "0" * 26), _place(key, "Z" * 26)


def _place(key: StateKey, run_id: str) -> str:
    digest = hashlib.blake2b(jsonvalue.canonical(list(astuple(key))), digest_size=16).hexdigest()
    return f"{PLACE_TIMER}:{digest}:{run_id}"
