"""Pausing and draining: of a workflow or a function, of a tenant, of a whole environment.

From the commit on, events start no run of it: a decision says why. The runs there are stop between two steps, as a job
of small transactions finds them, and go on when the pause is lifted; drained ones run to their end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from workflowkit.base.errors import LimitExceeded
from workflowkit.base.jsonvalue import Json, check_json
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope, owner_of
from workflowkit.base.settings import DEFAULT_QUEUE
from workflowkit.runtime.auditing import PROGRAM, Act, By, note
from workflowkit.runtime.cause import CANCELLED_BY_PAUSE, PAUSED_TOO_LONG, Cause, cancel_timer
from workflowkit.runtime.hints import StepHint, place_hint
from workflowkit.runtime.runflow import flow_of, lane_of_whole, queued
from workflowkit.runtime.timers import NOTHING, Fired, Timers
from workflowkit.store import lanes, pauses, runs, timers, workflows
from workflowkit.store.database import Database
from workflowkit.store.pauses import EVERYTHING, Hold, PauseRow, Running
from workflowkit.store.slots import WHOLE_RUN
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction

#: The kinds of the timers of a pause: one makes runs what they should be, one ends those frozen for too long.
APPLY_TIMER, EXPIRE_TIMER = "pause.apply", "pause.expire"
#: Most runs that one transaction of a job changes.
CHUNK = 200
#: A job goes on looking for longer than any transaction lasts: one that began before the pause may make a run yet, and
#: a run that somebody has locked is left for the next look.
LAST_LOOK_MS, LOOK_AGAIN_MS = 60_000, 1_000
#: How long a run may be frozen, and how often that is looked at afterwards.
FROZEN_DAYS = 7
_FROZEN_MS, _EXPIRE_AGAIN_MS = FROZEN_DAYS * 86_400_000, 3_600_000


@dataclass(frozen=True, slots=True)
class Target:
    """What is paused: a workflow or function of a scope, or everything of it (``workflow_id`` empty)."""

    scope: Scope
    workflow_id: str = EVERYTHING


@dataclass(frozen=True, slots=True)
class PauseState:
    """What holds a target, and how many of its runs have not ended."""

    holds: frozenset[Hold]
    open_runs: int


class Pausing:
    """Pauses, resumes and drains."""

    def __init__(self, database: Database, limits: Limits, *, grace_ms: int) -> None:
        self._database = database
        self._limits = limits
        self._grace_ms = grace_ms

    def register(self, timers: Timers) -> None:
        """Handle the timers of this module."""
        timers.handle(APPLY_TIMER, self._apply)
        timers.handle(EXPIRE_TIMER, self._expire)

    def pause(
        self, target: Target, *, running: Running = Running.FREEZE, reason: str | None = None, by: By | None = None
    ) -> None:
        """Pause. Running steps end, and their results are recorded; then runs are frozen, or cancelled.

        Idempotent; paused again, ``running`` and ``reason`` are those of now. Raises ``NotFound``.
        """
        self._put(target, Hold.PAUSE, running, reason, by)

    def resume(self, target: Target, *, by: By | None = None) -> bool:
        """Lift a pause; frozen runs go on where no other pause concerns them. Tell whether there was one.

        Raises ``NotFound``.
        """
        return self._lift(target, Hold.PAUSE, by)

    def drain(self, target: Target, *, reason: str | None = None, by: By | None = None) -> None:
        """Let no run begin any more; those there are run to their end. Idempotent. Raises ``NotFound``."""
        self._put(target, Hold.DRAIN, Running.FREEZE, reason, by)

    def undrain(self, target: Target, *, by: By | None = None) -> bool:
        """Let runs begin again, unless there is a pause. Tell whether there was a drain. Raises ``NotFound``."""
        return self._lift(target, Hold.DRAIN, by)

    def find(self, scope: Scope) -> list[PauseRow]:
        """Return every pause and drain that concerns a tenant."""
        with self._database.read() as tx:
            return pauses.find(tx, scope)

    def count_open(self, target: Target) -> int:
        """Return how many runs have not ended."""
        with self._database.read() as tx:
            return pauses.count_open(tx, target.scope, target.workflow_id)

    def check_exists(self, target: Target) -> None:
        """Raise ``NotFound`` if there is no such workflow or function."""
        with self._database.read() as tx:
            _check_exists(tx, target)

    def state_of(self, target: Target) -> PauseState:
        """Return how things stand. Raises ``NotFound``."""
        scope, workflow_id = target.scope, target.workflow_id
        with self._database.read() as tx:
            _check_exists(tx, target)
            return PauseState(pauses.holds_of(tx, scope, workflow_id), pauses.count_open(tx, scope, workflow_id))

    def _put(self, target: Target, hold: Hold, running: Running, reason: str | None, by: By | None) -> None:
        if reason is not None:
            check_json(reason)
            if len(reason) > self._limits.reason_chars:
                raise LimitExceeded("reason_chars", self._limits.reason_chars, len(reason), pointer="/reason")
        scope, workflow_id = target.scope, target.workflow_id
        with self._database.transaction("pause") as tx:
            _check_exists(tx, target)
            actor = None if by is None else by.actor
            pauses.put(tx, scope, PauseRow(scope, workflow_id, hold, running, reason or None, actor, tx.now_ms))
            if hold is Hold.PAUSE:
                self._arm(tx, target)
                expire = _timer(EXPIRE_TIMER, target, tx.now_ms + _FROZEN_MS)
                timers.plan(tx, [expire])
            act = Act.WORKFLOW_PAUSED if hold is Hold.PAUSE else Act.WORKFLOW_DRAINED
            detail: dict[str, Json] = {"running": running.value} if hold is Hold.PAUSE else {}
            note(tx, scope, by or PROGRAM, act, _subject(target), detail | ({"reason": reason} if reason else {}))

    def _lift(self, target: Target, hold: Hold, by: By | None) -> bool:
        with self._database.transaction("pause") as tx:
            _check_exists(tx, target)
            was_held = pauses.delete(tx, target.scope, target.workflow_id, hold)
            if hold is Hold.PAUSE:
                self._arm(tx, target)
            if was_held:
                act = Act.WORKFLOW_RESUMED if hold is Hold.PAUSE else Act.WORKFLOW_UNDRAINED
                note(tx, target.scope, by or PROGRAM, act, _subject(target))
        return was_held

    def _arm(self, tx: Transaction, target: Target) -> None:
        data = {"until_ms": tx.now_ms + LAST_LOOK_MS}
        timers.arm(tx, replace(_timer(APPLY_TIMER, target, tx.now_ms), data=data))

    def _apply(self, tx: Transaction, timer: TimerRow) -> Fired:
        """Make runs what the pauses of now say, some at a time: whatever was said before, and in whatever order."""
        scope, workflow_id, data = timer.scope, timer.subject, dict(timer.data or {})
        frozen = pauses.freeze(tx, scope, workflow_id, limit=CHUNK)
        hints = [place_hint(group, DEFAULT_QUEUE) for group in pauses.free_slots(tx, scope, workflow_id, limit=CHUNK)]
        thawed, lacking = pauses.to_thaw(tx, scope, workflow_id, limit=CHUNK)
        hints += self._queue(tx, lacking, thawed)
        hints += [StepHint(*row) for row in pauses.thaw(tx, thawed, wake_at_ms=tx.now_ms + self._grace_ms)]
        is_done = not frozen and not thawed and not lacking and not self._cancel_frozen(tx, timer, data)
        again_at_ms = tx.now_ms + LOOK_AGAIN_MS if is_done else tx.now_ms
        if is_done and tx.now_ms >= data["until_ms"] and not pauses.any_busy(tx, scope, workflow_id):
            return Fired(hints=tuple(hints))
        return Fired(hints=tuple(hints), again_at_ms=again_at_ms, data=data)

    def _queue(self, tx: Transaction, lacking: list[str], thawed: list[str]) -> list[StepHint]:
        """Let runs queue that have given their slots back: they go on once they have them again.

        Those that turn out to need none are added to ``thawed``.
        """
        hints: list[StepHint] = []
        for run_id in lacking:
            run = runs.load(tx, run_id)
            flow = None if run is None else flow_of(run)
            if run is None or flow is None or not flow.runs:
                thawed.append(run_id)
                continue
            lane = lane_of_whole(run, flow)
            lanes.join(tx, lane, queued(run, flow, lane, WHOLE_RUN), wake_at_ms=tx.now_ms + self._grace_ms)
            hints.append(place_hint(lane.place, lane.queue))
        return hints

    def _cancel_frozen(self, tx: Transaction, timer: TimerRow, data: dict[str, object]) -> bool:
        pause = pauses.get(tx, timer.scope, timer.subject, Hold.PAUSE)
        if pause is None or pause.running is not Running.CANCEL:
            return False
        cause = Cause(CANCELLED_BY_PAUSE, text=pause.text, actor=pause.actor)
        return _plan_cancels(tx, timer, cause, data, before_ms=tx.now_ms)

    def _expire(self, tx: Transaction, timer: TimerRow) -> Fired:
        """Cancel what has been frozen for too long."""
        if pauses.get(tx, timer.scope, timer.subject, Hold.PAUSE) is None:
            return NOTHING
        data = dict(timer.data or {})
        if _plan_cancels(tx, timer, Cause(PAUSED_TOO_LONG), data, before_ms=tx.now_ms - _FROZEN_MS):
            return Fired(again_at_ms=tx.now_ms, data=data)
        return Fired(again_at_ms=tx.now_ms + _EXPIRE_AGAIN_MS)


def _subject(target: Target) -> str:
    return f"workflow:{target.workflow_id or '*'}"


def _check_exists(tx: Transaction, target: Target) -> None:
    if target.workflow_id:
        workflows.get(tx, owner_of(target.scope, target.workflow_id), target.workflow_id)


def _plan_cancels(tx: Transaction, timer: TimerRow, cause: Cause, data: dict[str, object], *, before_ms: int) -> bool:
    """Plan the end of the next runs that were frozen before a time; tell whether there were any."""
    after = str(data.get("after") or "")
    found = pauses.frozen(tx, timer.scope, timer.subject, before_ms=before_ms, after=after, limit=CHUNK)
    timers.plan(tx, [cancel_timer(scope, run_id, cause, due_at_ms=tx.now_ms) for run_id, scope in found])
    data["after"] = found[-1][0] if found else None
    return bool(found)


def _timer(kind: str, target: Target, due_at_ms: int) -> TimerRow:
    scope = target.scope
    timer_id = ":".join((kind, scope.environment, scope.tenant, target.workflow_id))
    return TimerRow(timer_id, kind, scope, target.workflow_id, due_at_ms)
