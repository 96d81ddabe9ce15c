"""What becomes of an event that matched a workflow: the controls in their one order.

1. *batch* takes the event, if the workflow has batches and their ``if`` holds;
2. *idempotency*, or else *rate limit*, may skip it;
3. *debounce* takes it;
4. *singleton* may skip it, let it wait, or cancel another run;
5. a *pause*, a *drain* or a full *backlog* skips it;
6. a run that is *there* already is not made again;
7. it is queued, for now or for the time that the event asks for.

A batch that starts and a window that fires enter at 4, later and with the keys of their event. Throttle and concurrency
come when a step is about to start: ``flow.dequeue``.

Rows go in, rows come out; the caller reads and stores them in one transaction. An event that is skipped changes none
of them: it takes no unit of a rate, makes no claim and cancels nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from workflowkit.flow import batch, debounce, gcra, idempotency, singleton
from workflowkit.flow.batch import BatchRule, OpenBatch
from workflowkit.flow.debounce import Debounce, Window
from workflowkit.flow.gcra import Rate
from workflowkit.flow.idempotency import Claim
from workflowkit.flow.keys import NO_KEY, Key
from workflowkit.flow.priority import score_ms
from workflowkit.flow.singleton import Lock, SingletonMode


class SkipReason(StrEnum):
    """Why an event that matched starts no run."""

    KEY_ERROR = "key-error"
    """The key of the rate limit or of idempotency could not be evaluated."""
    IDEMPOTENT = "idempotent"
    RATE_LIMITED = "rate-limited"
    SINGLETON = "singleton"
    SUPERSEDED = "superseded"
    """It waited for the end of a singleton's run, and a later event took its place."""
    PAUSED = "paused"
    DRAINED = "drained"
    BACKLOG_FULL = "backlog-full"
    RUN_EXISTS = "run-exists"


@dataclass(frozen=True, slots=True)
class Controls:
    """What a workflow has set; ``None`` is not set."""

    batch: BatchRule | None = None
    idempotency_ms: int | None = None
    rate_limit: Rate | None = None
    debounce: Debounce | None = None
    singleton: SingletonMode | None = None
    max_backlog: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """An event and the run that it would start.

    ``takes_batch`` is what the batch's ``if`` says. ``start_at_ms`` is the time that the event asks for; a batch has
    none. ``is_paused`` to ``run_exists`` is how things stand.
    """

    event_id: str
    run_id: str
    event_ts_ms: int
    size_bytes: int = 0
    start_at_ms: int | None = None
    priority_seconds: int = 0
    takes_batch: bool = True
    idempotency_key: Key = NO_KEY
    rate_limit_key: Key = NO_KEY
    singleton_key: Key = NO_KEY
    is_paused: bool = False
    is_drained: bool = False
    backlog: int = 0
    run_exists: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """What is stored for the keys of a case; ``None`` is no row."""

    batch: OpenBatch | None = None
    claim: Claim | None = None
    rate_arrival_us: int | None = None
    window: Window | None = None
    lock: Lock | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Queue the run, due at ``at_ms`` and ordered by ``score_ms``; cancel and drop the others that are named."""

    at_ms: int
    score_ms: int
    cancelled: str | None = None
    superseded: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """The run starts when run ``behind`` has ended, unless another supersedes it as it did ``superseded``."""

    behind: str
    superseded: str | None = None


@dataclass(frozen=True, slots=True)
class Batched:
    """The event is in the batch of ``Rows.batch``, or in one that ``is_complete``, whose row is gone, and starts now.

    ``closed`` is the batch before, which has to start without the event.
    """

    is_complete: bool
    closed: OpenBatch | None = None


@dataclass(frozen=True, slots=True)
class Delayed:
    """The event is in the window of ``Rows.window``; ``fired`` is the one before, which has to be fired first."""

    fired: Window | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """No run. ``by`` is the event (idempotency) or the run (singleton, run exists) that is there instead."""

    reason: SkipReason
    by: str | None = None
    detail: str = ""


Decision = Start | Wait | Batched | Delayed | Skip


@dataclass(frozen=True, slots=True)
class Admission:
    """The decision, and the rows to store."""

    decision: Decision
    rows: Rows


@dataclass(frozen=True, slots=True)
class _Passed:
    """What the checks so far have come to: rows to store if no later one skips the event, and what singleton found."""

    rows: Rows
    entry: singleton.Entry | None = None


_Check = Callable[[Controls, Case, _Passed, int], _Passed | Admission]


def admit(controls: Controls, case: Case, rows: Rows, *, now_ms: int) -> Admission:
    """Return what becomes of an event that has just matched."""
    return _decide((*ARRIVAL_CHECKS, *START_CHECKS), controls, case, rows, now_ms)


def admit_start(controls: Controls, case: Case, rows: Rows, *, now_ms: int) -> Admission:
    """Return what becomes of a batch that starts, a window that fires, or a run whose turn has come after waiting."""
    return _decide(START_CHECKS, controls, case, rows, now_ms)


def _decide(checks: tuple[_Check, ...], controls: Controls, case: Case, rows: Rows, now_ms: int) -> Admission:
    passed = _Passed(rows)
    for check in checks:
        found = check(controls, case, passed, now_ms)
        if isinstance(found, Admission):
            return Admission(found.decision, _unless_skipped(found, case, rows))
        passed = found
    entry = passed.entry or singleton.Entry(Lock(case.run_id))
    if entry.lock.holder != case.run_id:
        return Admission(Wait(entry.lock.holder, entry.superseded), passed.rows)
    at_ms = max(now_ms, case.start_at_ms or 0)
    start = Start(at_ms, score_ms(at_ms, case.priority_seconds), entry.cancelled, entry.superseded)
    return Admission(start, passed.rows)


def _unless_skipped(found: Admission, case: Case, before: Rows) -> Rows:
    if not isinstance(found.decision, Skip):
        return found.rows
    if found.decision.reason is SkipReason.RUN_EXISTS:
        return before
    # A run that waited as the next of its lock and is skipped when its turn comes must not hold it.
    return replace(before, lock=singleton.leave(before.lock, case.run_id))


def _check_batch(controls: Controls, case: Case, passed: _Passed, now_ms: int) -> _Passed | Admission:
    if controls.batch is None or not case.takes_batch:
        return passed
    found = batch.append(controls.batch, passed.rows.batch, size_bytes=case.size_bytes, now_ms=now_ms)
    rows = replace(passed.rows, batch=None if found.is_complete else found.batch)
    return Admission(Batched(found.is_complete, found.closed), rows)


def _check_rate(controls: Controls, case: Case, passed: _Passed, now_ms: int) -> _Passed | Admission:
    # One control or the other: idempotency is a rate limit of one with a memory.
    if controls.idempotency_ms is not None:
        return _check_idempotency(controls.idempotency_ms, case, passed, now_ms)
    key = case.rate_limit_key
    if controls.rate_limit is None or key.is_false:
        return passed
    if key.fault is not None:
        return _skip(SkipReason.KEY_ERROR, passed, detail=key.fault)
    taken = gcra.take(controls.rate_limit, passed.rows.rate_arrival_us, now_ms=now_ms)
    if taken.count == 0:
        return _skip(SkipReason.RATE_LIMITED, passed)
    return replace(passed, rows=replace(passed.rows, rate_arrival_us=taken.arrival_us))


def _check_idempotency(period_ms: int, case: Case, passed: _Passed, now_ms: int) -> _Passed | Admission:
    key = case.idempotency_key
    if key.is_false:
        return passed
    if key.fault is not None:
        return _skip(SkipReason.KEY_ERROR, passed, detail=key.fault)
    claim = idempotency.claim(period_ms, passed.rows.claim, event_id=case.event_id, now_ms=now_ms)
    if claim.event_id != case.event_id:
        return _skip(SkipReason.IDEMPOTENT, passed, by=claim.event_id)
    return replace(passed, rows=replace(passed.rows, claim=claim))


def _check_debounce(controls: Controls, case: Case, passed: _Passed, now_ms: int) -> _Passed | Admission:
    if controls.debounce is None:
        return passed
    event_id, ts_ms = case.event_id, case.event_ts_ms
    found = debounce.add(
        controls.debounce, passed.rows.window, event_id=event_id, event_ts_ms=ts_ms, now_ms=now_ms
    )  # fmt: skip
    return Admission(Delayed(found.fired), replace(passed.rows, window=found.window))


def _check_singleton(controls: Controls, case: Case, passed: _Passed, _: int) -> _Passed | Admission:
    key = case.singleton_key
    if controls.singleton is None or key.is_false or key.fault is not None:
        return passed
    entry = singleton.enter(controls.singleton, passed.rows.lock, case.run_id)
    if case.run_id not in (entry.lock.holder, entry.lock.next_up):
        return _skip(SkipReason.SINGLETON, passed, by=entry.lock.holder)
    return _Passed(replace(passed.rows, lock=entry.lock), entry)


def _check_standing(controls: Controls, case: Case, passed: _Passed, _: int) -> _Passed | Admission:
    if case.is_paused:
        return _skip(SkipReason.PAUSED, passed)
    if case.is_drained:
        return _skip(SkipReason.DRAINED, passed)
    if controls.max_backlog is not None and case.backlog >= controls.max_backlog:
        return _skip(SkipReason.BACKLOG_FULL, passed)
    return passed


def _check_existing(_: Controls, case: Case, passed: _Passed, __: int) -> _Passed | Admission:
    return _skip(SkipReason.RUN_EXISTS, passed, by=case.run_id) if case.run_exists else passed


def _skip(reason: SkipReason, passed: _Passed, *, by: str | None = None, detail: str = "") -> Admission:
    return Admission(Skip(reason, by, detail), passed.rows)


ARRIVAL_CHECKS: Final[tuple[_Check, ...]] = (_check_batch, _check_rate, _check_debounce)
START_CHECKS: Final[tuple[_Check, ...]] = (_check_singleton, _check_standing, _check_existing)
