"""Jobs over many runs: cancel them, or repeat them at a rate; or over events that were kept from starting runs, as by a
pause: start these. They go on after a restart, from where they were.

A job is a timer that comes again: each time it looks at a few more runs and plans a timer for each of them, so that no
transaction holds more than one run's lock and no run is taken up twice. Runs that are made after the job are not its.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base.errors import InvalidInput, LimitExceeded, NotFound, WorkflowKitError
from workflowkit.base.ids import derived_id, new_id
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.base.sealing import ValueUnreadable
from workflowkit.definition.cel import compile_expression
from workflowkit.engine.states import TERMINAL_RUN, RunStatus
from workflowkit.flow.decision import SkipReason
from workflowkit.runtime.cancelling import Cancelling
from workflowkit.runtime.cause import CANCELLED_BY_USER, Cause
from workflowkit.runtime.rerunning import LATEST, ORIGINAL, Again, Drained, Rerunning
from workflowkit.runtime.timers import NOTHING, Fired, Timers
from workflowkit.store import events, jobs, pauses, runs, timers
from workflowkit.store.database import Database
from workflowkit.store.jobs import Chosen, Found, JobKind, JobRow, JobState
from workflowkit.store.pauses import Hold
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction

#: The kinds of the timers: of the job itself, and of what it does to one run, or one event.
JOB_TIMER, CANCEL_RUN_TIMER, REPLAY_RUN_TIMER, REPLAY_EVENT_TIMER = "job", "job.cancel", "job.replay", "job.event"
#: The reasons for which events are skipped that may be made up for: those of what held a workflow as a whole.
REPLAYABLE = (
    SkipReason.DRAINED.value, SkipReason.PAUSED.value, SkipReason.ARCHIVED.value, SkipReason.DISABLED.value,
)  # fmt: skip
#: Runs that one firing of a job takes up.
JOB_CHUNK = 100
#: Pause between two firings of a job that has nothing to wait for but its rate.
_PAUSE_MS = 100
#: How soon a job that a drain holds up looks again, and what its timer has in its data meanwhile.
HELD_MS = 1_000
_HELD = {"is_held": True}
DEFAULT_RATE, MIN_RATE, MAX_RATE = 50.0, 0.001, 1_000.0


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is asked for. ``statuses`` default to all that are not over (cancel) or to ``failed`` (replay);
    ``created_before_ms`` to the present. ``condition`` is a CEL expression over ``event``. ``rate_per_second`` and
    ``version`` are of replays. ``skipped`` are reasons of ``REPLAYABLE``: then it is about no runs, but about events
    that were skipped for them in this time, each for the workflow that skipped it."""

    kind: JobKind
    statuses: tuple[RunStatus, ...] = ()
    workflow_id: str | None = None
    created_after_ms: int = 0
    created_before_ms: int | None = None
    condition: str | None = None
    reason: str | None = None
    actor: str | None = None
    rate_per_second: float = DEFAULT_RATE
    version: str = ORIGINAL
    skipped: tuple[str, ...] = ()


class Jobs:
    """Jobs of tenants."""

    def __init__(
        self, database: Database, cancelling: Cancelling, rerunning: Rerunning, limits: Limits, *, grace_ms: int
    ) -> None:
        self._database = database
        self._grace_ms = grace_ms
        self._cancelling = cancelling
        self._rerunning = rerunning
        self._limits = limits

    def register(self, timers: Timers) -> None:
        """Handle the timers of this module."""
        timers.handle(JOB_TIMER, self._go_on)
        timers.handle(CANCEL_RUN_TIMER, self._cancel_run)
        timers.handle(REPLAY_RUN_TIMER, self._replay_run)
        timers.handle(REPLAY_EVENT_TIMER, self._replay_event)

    def count(self, scope: Scope, wanted: NewJob) -> int:
        """Return how many runs or events a job would be about: at most, if it has a condition.

        Raises ``InvalidInput``.
        """
        chosen = self._chosen(wanted, self._database.now_ms())
        with self._database.read() as tx:
            return jobs.count_chosen(tx, scope, chosen)

    def create(self, scope: Scope, wanted: NewJob) -> JobRow:
        """Begin a job. Raises ``InvalidInput``, ``LimitExceeded``."""
        self._check(wanted)
        with self._database.transaction("job") as tx:
            chosen = self._chosen(wanted, tx.now_ms)
            options: dict[str, Any] = {"reason": wanted.reason, "actor": wanted.actor}
            if wanted.kind is JobKind.REPLAY:
                options |= {"rate_per_second": wanted.rate_per_second, "version": wanted.version}
            job = JobRow(
                new_id(tx.now_ms), scope, wanted.kind, JobState.RUNNING, chosen, options,
                jobs.count_chosen(tx, scope, chosen), tx.now_ms,
            )  # fmt: skip
            jobs.insert(tx, scope, job)
            timers.plan(tx, [TimerRow(f"{JOB_TIMER}:{job.id}", JOB_TIMER, scope, job.id, tx.now_ms)])
            return job

    def get(self, scope: Scope, job_id: str) -> JobRow:
        """Return a job. Raises ``NotFound``."""
        with self._database.read() as tx:
            return _found(jobs.get(tx, scope, job_id), job_id)

    def find(self, scope: Scope, *, limit: int, before: str | None = None) -> list[JobRow]:
        """Return up to ``limit`` jobs, newest first, those before the id ``before``."""
        with self._database.read() as tx:
            return jobs.find(tx, scope, limit=limit, before=before or "~")

    def stop(self, scope: Scope, job_id: str) -> JobRow:
        """Let a job do nothing more. Idempotent. Raises ``NotFound``."""
        with self._database.transaction("job") as tx:
            _found(jobs.lock(tx, scope, job_id), job_id)
            jobs.end(tx, scope, job_id, JobState.STOPPED)
            return _found(jobs.get(tx, scope, job_id), job_id)

    # --- timers

    def _go_on(self, tx: Transaction, timer: TimerRow) -> Fired:
        """Take up the next runs of a job; come again until there are none and all are done with."""
        job = jobs.lock(tx, timer.scope, timer.subject)
        if job is None or job.state is not JobState.RUNNING:
            return NOTHING
        found = jobs.next_chosen(tx, timer.scope, job.chosen, after=job.cursor, limit=JOB_CHUNK)
        if not found:
            if job.done_count < job.begun_count:
                return Fired(again_at_ms=tx.now_ms + 10 * _PAUSE_MS)
            jobs.end(tx, timer.scope, job.id, JobState.DONE)
            return NOTHING
        if job.kind is JobKind.REPLAY and self._is_held(tx, job, timer, {each.workflow_id for each in found}):
            return Fired(again_at_ms=tx.now_ms + HELD_MS, data=_HELD)
        wanted = [each for each in found if self._holds(tx, job.chosen.condition, each.event_id)]
        spacing_ms = _spacing_ms(job)
        # SAFETY: I7 — the timers' ids follow from job and run, and the cursor moves in the same transaction.
        begins_ms = tx.now_ms + int(spacing_ms if timer.data == _HELD else 0)
        timers.plan(tx, [_timer_of(job, each, begins_ms + int(n * spacing_ms)) for n, each in enumerate(wanted)])
        jobs.advance(tx, timer.scope, job.id, cursor=found[-1].id, begun=len(wanted))
        return Fired(again_at_ms=begins_ms + max(_PAUSE_MS, int(len(wanted) * spacing_ms)))

    def _cancel_run(self, tx: Transaction, timer: TimerRow) -> Fired:
        job = self._active(tx, timer)
        if job is None:
            return NOTHING
        run = runs.lock(tx, (timer.data or {})["run_id"])
        jobs.count_done(tx, timer.scope, job.id)
        if run is None or run.status.is_terminal:
            return NOTHING
        cause = Cause(CANCELLED_BY_USER, text=job.options["reason"], actor=job.options["actor"])
        ended = self._cancelling.cancel(tx, run, cause)
        return Fired(hints=ended.hints, event_ids=ended.event_ids)

    def _replay_run(self, tx: Transaction, timer: TimerRow) -> Fired:
        job = self._active(tx, timer)
        if job is None:
            return NOTHING
        fired = NOTHING
        try:
            again, actor = Again(version=job.options["version"]), job.options["actor"]
            _, hints, told = self._rerunning.start(tx, timer.scope, (timer.data or {})["run_id"], again, actor=actor)
            fired = Fired(hints=tuple(hints), event_ids=tuple(told))
        except Drained:
            return _put_off(tx, job, timer)
        except WorkflowKitError:
            pass  # the version cannot be read any more: one run must not hold up the others
        jobs.count_done(tx, timer.scope, job.id)
        return fired

    def _replay_event(self, tx: Transaction, timer: TimerRow) -> Fired:
        """Address an event once more to the workflow that skipped it, which decides about it as about any other.

        As the same event again: it is nobody else's, no wait takes it, and its run is the one that it would have been.
        """
        job = self._active(tx, timer)
        if job is None:
            return NOTHING
        event_id, workflow_id = (timer.data or {})["event_id"], (timer.data or {})["workflow_id"]
        if _held(tx, job.scope, workflow_id, _holding(job)):
            return _put_off(tx, job, timer)
        jobs.count_done(tx, timer.scope, job.id)
        if _held(tx, job.scope, workflow_id, _PASSED_OVER):
            return NOTHING  # its decision stays as it is: for another job, once the workflow is back
        # SAFETY: I1 — its id follows from event and workflow: whoever replays it again finds it there.
        copy_id = derived_id(event_id, workflow_id, "replay")
        record = events.find(tx, event_id)
        if record is None or events.find(tx, copy_id) is not None:
            return NOTHING
        try:
            read = events.opened(tx, record)
        except ValueUnreadable:
            return NOTHING  # its key is gone: one event must not keep the job from ending
        again = replace(
            read, id=copy_id, received_at_ms=tx.now_ms, target=workflow_id,
            duplicate_of=record.duplicate_of or record.id,
        )  # fmt: skip
        events.insert(tx, job.scope, [again], wake_at_ms=tx.now_ms + self._grace_ms)
        return Fired(event_ids=(copy_id,))

    def _is_held(self, tx: Transaction, job: JobRow, timer: TimerRow, workflow_ids: set[str]) -> bool:
        """Tell whether a job repeats nothing for now: as something holds it, or as what that put off is not done."""
        if timer.data == _HELD and job.done_count < job.begun_count:
            return True
        return any(_held(tx, job.scope, workflow_id, _holding(job)) for workflow_id in workflow_ids)

    def _active(self, tx: Transaction, timer: TimerRow) -> JobRow | None:
        """Return the job of a run's timer, ``None`` if it does nothing more."""
        job = jobs.get(tx, timer.scope, timer.subject)
        return job if job is not None and job.state is JobState.RUNNING else None

    # --- what is asked for

    def _check(self, wanted: NewJob) -> None:
        if wanted.reason is not None and len(wanted.reason) > self._limits.reason_chars:
            raise LimitExceeded("reason_chars", self._limits.reason_chars, len(wanted.reason), pointer="/reason")
        # SAFETY: I4 — the times of what is repeated more slowly still would be more than a database can hold.
        if not MIN_RATE <= wanted.rate_per_second <= MAX_RATE:
            raise InvalidInput.at("/rate_per_second", "invalid-value", f"from {MIN_RATE:g} to {MAX_RATE:g}")
        if wanted.version not in (ORIGINAL, LATEST):
            raise InvalidInput.at("/version", "invalid-value", f"{ORIGINAL} or {LATEST}")
        if wanted.skipped and wanted.version != ORIGINAL:
            raise InvalidInput.at("/version", "conflicting-keys", "what was skipped starts the published version")

    def _chosen(self, wanted: NewJob, now_ms: int) -> Chosen:
        if wanted.condition is not None:
            compile_expression(wanted.condition, limits=self._limits)
        statuses = wanted.statuses or _DEFAULT_STATUSES[wanted.kind]
        if wrong := [status for status in statuses if status not in _POSSIBLE_STATUSES[wanted.kind]]:
            raise InvalidInput.at(
                "/statuses", "invalid-value", f"not of a run that can be the object: {', '.join(wrong)}"
            )
        if wanted.skipped:
            _check_skipped(wanted)
        # Cut off one millisecond after the present, so that what was made just before is taken along.
        before_ms = now_ms + 1 if wanted.created_before_ms is None else min(now_ms + 1, wanted.created_before_ms)
        return Chosen(
            tuple(status.value for status in statuses), wanted.workflow_id or "", wanted.created_after_ms, before_ms,
            wanted.condition, wanted.skipped,
        )  # fmt: skip

    def _holds(self, tx: Transaction, condition: str | None, event_id: str) -> bool:
        if condition is None:
            return True
        try:
            event: Mapping[str, Any] = events.load(tx, event_id).as_json()
            return compile_expression(condition, limits=self._limits).matches({"event": event})
        except WorkflowKitError:
            return False


_OPEN = tuple(status for status in RunStatus if status not in TERMINAL_RUN)
_DEFAULT_STATUSES = {JobKind.CANCEL: _OPEN, JobKind.REPLAY: (RunStatus.FAILED,)}
_POSSIBLE_STATUSES = {JobKind.CANCEL: frozenset(_OPEN), JobKind.REPLAY: TERMINAL_RUN}


_HOLD_RUNS, _HOLD_EVENTS = frozenset({Hold.DRAIN}), frozenset({Hold.DRAIN, Hold.PAUSE})
_PASSED_OVER = frozenset({Hold.ARCHIVE, Hold.DISABLE})


def _holding(job: JobRow) -> frozenset[Hold]:
    """Return what holds a job up.

    A pause holds up events only: a run that is repeated begins frozen. So does being switched off, if the job is about
    that one workflow: what may be off for ever must not hold up the events of others.
    """
    if not job.chosen.skipped:
        return _HOLD_RUNS
    return _HOLD_EVENTS | {Hold.DISABLE} if job.chosen.workflow_id else _HOLD_EVENTS


def _held(tx: Transaction, scope: Scope, workflow_id: str, by: frozenset[Hold]) -> bool:
    return not by.isdisjoint(pauses.holds_of(tx, scope, workflow_id))


def _put_off(tx: Transaction, job: JobRow, timer: TimerRow) -> Fired:
    """Return that a timer comes again later."""
    # SAFETY: I19 — by as long as all take that were planned with it: they keep their distances.
    put_off_ms = max(HELD_MS, int(JOB_CHUNK * _spacing_ms(job)))
    turns = (tx.now_ms - timer.due_at_ms) // put_off_ms + 1
    return Fired(again_at_ms=timer.due_at_ms + turns * put_off_ms, data=timer.data)


def _check_skipped(wanted: NewJob) -> None:
    if wanted.kind is not JobKind.REPLAY:
        raise InvalidInput.at("/skipped", "conflicting-keys", "only a replay is of events that were skipped")
    if wanted.statuses:
        raise InvalidInput.at("/statuses", "conflicting-keys", "what was skipped has no run, and so no status")
    if wrong := [reason for reason in wanted.skipped if reason not in REPLAYABLE]:
        message = f"not a reason that can be made up for: {', '.join(wrong)}"
        raise InvalidInput.at("/skipped", "invalid-value", message)


def _spacing_ms(job: JobRow) -> float:
    return 1000 / job.options["rate_per_second"] if job.kind is JobKind.REPLAY else 0.0


def _timer_of(job: JobRow, found: Found, due_at_ms: int) -> TimerRow:
    """Return the timer that does to one run or event what the job is there for."""
    data = {"run_id": found.id}
    kind = CANCEL_RUN_TIMER if job.kind is JobKind.CANCEL else REPLAY_RUN_TIMER
    if job.chosen.skipped:
        kind, data = REPLAY_EVENT_TIMER, {"event_id": found.event_id, "workflow_id": found.workflow_id}
    return TimerRow(f"{kind}:{job.id}:{found.id}", kind, job.scope, job.id, due_at_ms, data)


def _found(job: JobRow | None, job_id: str) -> JobRow:
    if job is None:
        raise NotFound(f"there is no job {job_id!r}")
    return job
