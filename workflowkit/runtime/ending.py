"""The end of a run: its row, its waits, and whoever is to hear of it, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.planner import Decision
from workflowkit.engine.progress import Finish
from workflowkit.engine.states import RunStatus
from workflowkit.runtime import watches
from workflowkit.runtime.admission import Admitting
from workflowkit.runtime.aftermath import Aftermath, Following
from workflowkit.runtime.cause import CANCEL_TIMER, PARENT_ENDED, Cause, cancel_timer
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.items import is_item, item_ended, lock_loop
from workflowkit.runtime.lifecycle import Lifecycle
from workflowkit.runtime.position import Position, cancels
from workflowkit.runtime.slots import give_back_all
from workflowkit.runtime.starting import Begun
from workflowkit.runtime.timers import Fired
from workflowkit.store import approvals, events, runs, steps, timers, waits
from workflowkit.store.events import EventRecord
from workflowkit.store.runs import RunRecord
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Ended:
    """What follows from the end of a run: the step of its parent that waited for it, events that wait to be matched."""

    hints: tuple[StepHint, ...] = ()
    event_ids: tuple[str, ...] = ()


NOT_ENDED = Ended()
#: Why a run has failed that nobody can read any more.
EVENT_GONE: Final = ErrorInfo("EventGone", "an event that started the run is gone", "event-gone", retryable=False)


class Ending:
    """Ends runs. Everything here joins the transaction that holds the run's lock."""

    def __init__(self, lifecycle: Lifecycle, aftermath: Aftermath, admitting: Admitting, *, grace_ms: int) -> None:
        self._lifecycle = lifecycle
        self._aftermath = aftermath
        self._admitting = admitting
        self._grace_ms = grace_ms

    def finish(self, tx: Transaction, position: Position, decision: Decision, cause: Cause | None = None) -> Ended:
        """End the run if the decision says so; ``cause`` is why it was cancelled."""
        finish, run = decision.finish, position.run
        if finish is None:
            return NOT_ENDED
        if cancels(decision):
            if is_item(run):
                lock_loop(tx, run)
            # SAFETY: I11 — after this commit no step of the run can be claimed.
            steps.cancel_open(tx, run.id)
            cancel_parts(tx, run.id)
        is_watched = watches.is_watched(position.workflow)
        if position.memos.has_waits or is_watched:
            kept = {wait.key for wait in position.memos.open_waits if wait.outlives_parent}
            _cancel_children(tx, run, kept)
        if is_watched:
            timers.forget(tx, run.id)
        handled_failures = len(position.progress.handled_failures)
        ended = self._write(tx, run, finish, position.event, cause=cause, handled_failures=handled_failures)
        reason = None if cause is None else cause.reason
        return self._and_then(tx, ended, self._aftermath.follow(tx, position, finish, reason))

    def fire(self, tx: Transaction, timer: TimerRow) -> Fired:
        """Handle a ``run.ended`` timer: what follows a run that ended as it began."""
        ended = self._and_then(tx, NOT_ENDED, self._aftermath.catch_up(tx, timer.subject))
        return Fired(hints=ended.hints, event_ids=ended.event_ids)

    def abandon(self, tx: Transaction, run: RunRecord, cause: Cause) -> Ended:
        """Cancel a run that cannot be read: its scheduled steps can be kept from running all the same."""
        return self._abandon(tx, run, Finish(RunStatus.CANCELLED), cause)

    def give_up(self, tx: Transaction, run: RunRecord) -> Ended:
        """Fail a run whose event is gone: nobody can go on with it, now or later. No handler of its own follows."""
        return self._abandon(tx, run, Finish(RunStatus.FAILED, error=EVENT_GONE), None)

    def _abandon(self, tx: Transaction, run: RunRecord, finish: Finish, cause: Cause | None) -> Ended:
        if is_item(run):
            lock_loop(tx, run)
        steps.cancel_open(tx, run.id)
        cancel_parts(tx, run.id)
        _cancel_children(tx, run, frozenset())
        timers.forget(tx, run.id)
        record = events.find(tx, run.event_id)
        # What is told of the end has the event in it: of one that is gone no more is known than its id.
        event = {"id": run.event_id, "data": {}} if record is None else record.as_json()
        return self._write(tx, run, finish, event, cause=cause, handled_failures=0)

    def is_plain(self, tx: Transaction, position: Position, finish: Finish) -> bool:
        """Tell whether its end changes nothing but the run's row, slots and locks, so that one statement does."""
        run = position.run
        if run.parent_run_id is not None or position.memos.has_waits or watches.is_watched(position.workflow):
            return False  # others are to be told
        return not self._lifecycle.is_told(tx, run, finish.status)

    def told_of_new(self, tx: Transaction, run: RunRecord, event: dict[str, Any]) -> list[EventRecord]:
        """Return the events about the end of a new run, if it ended as it began; whoever begins it stores them."""
        if not run.status.is_terminal:
            return []
        return self._lifecycle.records(tx, run, event, Finish(run.status, run.output, run.error))

    def write_begun(self, tx: Transaction, begun: Begun) -> tuple[tuple[StepHint, ...], tuple[str, ...]]:
        """Write runs that have begun, and what tells of those that ended at once; return what to hint."""
        begun.batch.write(tx)
        event_ids: tuple[str, ...] = ()
        for run, event in begun.ended:
            event_ids += self.tell(tx, self.told_of_new(tx, run, event))
        return tuple(opening.hint for opening in begun.openings), event_ids

    def tell(self, tx: Transaction, records: Sequence[EventRecord]) -> tuple[str, ...]:
        """Store the events of one tenant that tell of ends; return their ids, which wait to be matched."""
        if records:
            events.insert(tx, records[0].scope, records, wake_at_ms=tx.now_ms + self._grace_ms)
        return tuple(record.id for record in records)

    def _and_then(self, tx: Transaction, ended: Ended, following: Following) -> Ended:
        event_ids = self.tell(tx, following.events)
        return Ended(ended.hints + following.hints, ended.event_ids + event_ids)

    def _write(
        self, tx: Transaction, run: RunRecord, finish: Finish, event: dict[str, Any], *,
        cause: Cause | None, handled_failures: int,
    ) -> Ended:  # fmt: skip
        reason, detail = (None, None) if cause is None else (cause.reason, cause.detail())
        runs.finish(
            tx, run.id, finish.status, output=finish.output, error=finish.error, handled_failures=handled_failures,
            reason=reason, reason_detail=detail,
        )  # fmt: skip
        event_ids = self.tell(tx, self._lifecycle.records(tx, run, event, finish, reason))
        hints = tell_parent(tx, run, finish.status, wake_at_ms=tx.now_ms + self._grace_ms)
        if run.flow is not None:
            # SAFETY: I18 I20 — in this transaction: no limit counts a run that has ended, and the next one is not lost.
            hints += give_back_all(tx, run)
            begun_hints, begun_ids = self.write_begun(tx, self._admitting.leave(tx, run))
            hints, event_ids = hints + begun_hints, event_ids + begun_ids
        return Ended(hints, event_ids)


def _cancel_children(tx: Transaction, run: RunRecord, kept: Collection[str]) -> None:
    """Close the waits of a run and what it asks people, and plan the end of the child runs that it still waits for, but
    for the ``kept``.

    By timers: nobody locks two runs in one transaction. Recursion comes by itself, from the end of each child.
    """
    cause = Cause(PARENT_ENDED, run_id=run.id)
    # Approvals before waits, as everywhere: whoever decides one just now locks in the same order.
    for approval_id in approvals.cancel(tx, run.scope, run.id):
        timers.forget(tx, approval_id)  # its reminders
    children = [child_id for wait_key, child_id in waits.close(tx, run.id).items() if wait_key not in kept]
    timers.plan(tx, [cancel_timer(run.scope, child_id, cause, due_at_ms=tx.now_ms) for child_id in children])


def cancel_parts(tx: Transaction, run_id: str, step: str | None = None) -> None:
    """Plan the end of the parts of a run's document that go on, or of one step's: each is locked for itself."""
    timers.plan_for_parts(tx, CANCEL_TIMER, run_id, step, data=Cause(PARENT_ENDED, run_id=run_id).as_json())


def tell_parent(tx: Transaction, run: RunRecord, status: RunStatus, *, wake_at_ms: int) -> tuple[StepHint, ...]:
    """Make the step due that waits for a run which ends in this transaction; or let the next item of a loop begin.

    Locks that step's row, and not its run: the parent finds out what came of this run by looking at its row.
    """
    if run.parent_run_id is None or run.parent_wait is None:
        return ()
    if is_item(run):
        return item_ended(tx, run, status, wake_at_ms=wake_at_ms)
    wait_ids = [waits.wait_id(run.parent_run_id, run.parent_wait)]
    if not waits.receive(tx, wait_ids, None):
        return ()  # the parent has stopped waiting
    return tuple(StepHint(*row) for row in waits.wake_steps(tx, wait_ids, wake_at_ms=wake_at_ms))
