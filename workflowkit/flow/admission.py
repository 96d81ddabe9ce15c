"""What becomes of an event that matched a workflow: the controls in their one order.

1. *batch* takes the event, if the workflow has batches and their ``if`` holds;
2. *idempotency*, or else *rate limit*, may skip it;
3. *debounce* takes it;
4. *singleton* may skip it, let it wait, or cancel another run;
5. that the workflow is *archived* or *disabled*, a *pause*, a *drain* or a full *backlog* skips it;
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
from typing import Final

from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.settings.flow import FlowControl, Idempotency
from workflowkit.flow import batch, debounce, gcra, idempotency, singleton
from workflowkit.flow.decision import Admission, Batched, Case, Delayed, Rows, Skip, SkipReason, Start, Wait
from workflowkit.flow.gcra import Rate
from workflowkit.flow.priority import score_ms
from workflowkit.flow.singleton import Lock


@dataclass(frozen=True, slots=True)
class _Passed:
    """What the checks so far have come to: rows to store if no later one skips the event, and what singleton found."""

    rows: Rows
    entry: singleton.Entry | None = None


@dataclass(frozen=True, slots=True)
class _Given:
    """What all checks look at."""

    flow: FlowControl
    case: Case
    now_ms: int
    limits: Limits


_Check = Callable[[_Given, _Passed], _Passed | Admission]


def admit(flow: FlowControl, case: Case, rows: Rows, *, now_ms: int, limits: Limits = DEFAULT_LIMITS) -> Admission:
    """Return what becomes of an event that has just matched."""
    return _decide((*ARRIVAL_CHECKS, *START_CHECKS), _Given(flow, case, now_ms, limits), rows)


def admit_start(
    flow: FlowControl, case: Case, rows: Rows, *, now_ms: int, limits: Limits = DEFAULT_LIMITS
) -> Admission:
    """Return what becomes of a batch that starts, a window that fires, or a run whose turn has come after waiting."""
    return _decide(START_CHECKS, _Given(flow, case, now_ms, limits), rows)


def _decide(checks: tuple[_Check, ...], given: _Given, rows: Rows) -> Admission:
    case, passed = given.case, _Passed(rows)
    for check in checks:
        found = check(given, passed)
        if isinstance(found, Admission):
            return Admission(found.decision, _unless_skipped(found, case, rows))
        passed = found
    entry = passed.entry or singleton.Entry(Lock(case.run_id))
    if entry.lock.holder != case.run_id:
        return Admission(Wait(entry.lock.holder, entry.superseded), passed.rows)
    start_at_ms = case.start_at_ms or 0
    # By when the event came: in which order workers get to match events is chance.
    came_at_ms = given.now_ms if case.received_at_ms is None else case.received_at_ms
    score = score_ms(max(came_at_ms, start_at_ms), case.priority_seconds)
    head_start_ms = None if given.flow.priority is None else 1_000 * case.priority_seconds
    start = Start(max(given.now_ms, start_at_ms), score, entry.cancelled, entry.superseded, head_start_ms)
    return Admission(start, passed.rows)


def _unless_skipped(found: Admission, case: Case, before: Rows) -> Rows:
    if not isinstance(found.decision, Skip):
        return found.rows
    if found.decision.reason is SkipReason.RUN_EXISTS:
        return before
    # A run that waited as the next of its lock and is skipped when its turn comes must not hold it.
    return replace(before, lock=singleton.leave(before.lock, case.run_id))


def _check_batch(given: _Given, passed: _Passed) -> _Passed | Admission:
    rule, case = given.flow.batch, given.case
    if rule is None or not case.takes_batch:
        return passed
    found = batch.append(
        rule, passed.rows.batch, size_bytes=case.size_bytes, now_ms=given.now_ms, limits=given.limits
    )  # fmt: skip
    rows = replace(passed.rows, batch=None if found.is_complete else found.batch)
    return Admission(Batched(found.is_complete, found.closed), rows)


def _check_rate(given: _Given, passed: _Passed) -> _Passed | Admission:
    # One control or the other: idempotency is a rate limit of one with a memory.
    if given.flow.idempotency is not None:
        return _check_idempotency(given.flow.idempotency, given, passed)
    rule, key = given.flow.rate_limit, given.case.keys.rate_limit
    if rule is None or key.is_false:
        return passed
    if key.fault is not None:
        return _skip(SkipReason.KEY_ERROR, passed, detail=key.fault)
    taken = gcra.take(Rate.of(rule), passed.rows.rate_arrival_us, now_ms=given.now_ms)
    if taken.count == 0:
        return _skip(SkipReason.RATE_LIMITED, passed)
    return replace(passed, rows=replace(passed.rows, rate_arrival_us=taken.arrival_us))


def _check_idempotency(rule: Idempotency, given: _Given, passed: _Passed) -> _Passed | Admission:
    event_id, key = given.case.event_id, given.case.keys.idempotency
    if key.is_false:
        return passed
    if key.fault is not None:
        return _skip(SkipReason.KEY_ERROR, passed, detail=key.fault)
    claim = idempotency.claim(rule, passed.rows.claim, event_id=event_id, now_ms=given.now_ms)
    if claim.event_id != event_id:
        return _skip(SkipReason.IDEMPOTENT, passed, by=claim.event_id)
    return replace(passed, rows=replace(passed.rows, claim=claim))


def _check_debounce(given: _Given, passed: _Passed) -> _Passed | Admission:
    rule, case = given.flow.debounce, given.case
    if rule is None:
        return passed
    found = debounce.add(
        rule, passed.rows.window, event_id=case.event_id, event_ts_ms=case.event_ts_ms, now_ms=given.now_ms
    )  # fmt: skip
    return Admission(Delayed(found.fired), replace(passed.rows, window=found.window))


def _check_singleton(given: _Given, passed: _Passed) -> _Passed | Admission:
    rule, key, run_id = given.flow.singleton, given.case.keys.singleton, given.case.run_id
    if rule is None or key.is_false or key.fault is not None:
        return passed
    entry = singleton.enter(rule.mode, passed.rows.lock, run_id)
    if run_id not in (entry.lock.holder, entry.lock.next_up):
        return _skip(SkipReason.SINGLETON, passed, by=entry.lock.holder)
    return _Passed(replace(passed.rows, lock=entry.lock), entry)


def _check_standing(given: _Given, passed: _Passed) -> _Passed | Admission:
    if given.case.is_archived:
        return _skip(SkipReason.ARCHIVED, passed)
    if given.case.is_disabled:
        return _skip(SkipReason.DISABLED, passed)
    if given.case.is_paused:
        return _skip(SkipReason.PAUSED, passed)
    if given.case.is_drained:
        return _skip(SkipReason.DRAINED, passed)
    return _skip(SkipReason.BACKLOG_FULL, passed) if given.case.is_backlog_full else passed


def _check_existing(given: _Given, passed: _Passed) -> _Passed | Admission:
    case = given.case
    return _skip(SkipReason.RUN_EXISTS, passed, by=case.run_id) if case.run_exists else passed


def _skip(reason: SkipReason, passed: _Passed, *, by: str | None = None, detail: str = "") -> Admission:
    return Admission(Skip(reason, by, detail), passed.rows)


ARRIVAL_CHECKS: Final[tuple[_Check, ...]] = (_check_batch, _check_rate, _check_debounce)
START_CHECKS: Final[tuple[_Check, ...]] = (_check_singleton, _check_standing, _check_existing)
