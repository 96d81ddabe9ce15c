"""The transaction that moves a waiting run to another version of its workflow."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workflowkit.base.errors import Conflict, NotFound, Problem
from workflowkit.base.scope import Scope
from workflowkit.base.sealing import hide
from workflowkit.engine.moving import Move, plan_move
from workflowkit.runtime.actionlimits import with_action_limits
from workflowkit.runtime.auditing import PROGRAM, Act, By, note
from workflowkit.runtime.ending import Ending
from workflowkit.runtime.hints import Dispatcher, StepHint, hint
from workflowkit.runtime.position import Batch, Position, Schedule, add_decision, load
from workflowkit.runtime.rerunning import LATEST, chosen_version, published_version
from workflowkit.runtime.rights import May, version_needs
from workflowkit.runtime.slots import queue_again
from workflowkit.runtime.versions import Versions
from workflowkit.runtime.watches import LISTEN_TIMER, WATCH_TIMERS, watches_of_moved
from workflowkit.store import runs, steps, timers, waits
from workflowkit.store.database import Database
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Moved:
    """What moving a run came to, or would come to."""

    is_moved: bool
    version: int
    problems: tuple[Problem, ...]
    removed: tuple[str, ...]
    added: tuple[str, ...]


class Moving:
    """Moves runs of a tenant."""

    def __init__(
        self, database: Database, versions: Versions, schedule: Schedule, dispatcher: Dispatcher, ending: Ending
    ) -> None:
        self._database = database
        self._versions = versions
        self._schedule = schedule
        self._dispatcher = dispatcher
        self._ending = ending

    def move(
        self, scope: Scope, run_id: str, version: int | str = LATEST, *, dry_run: bool = False, by: By = PROGRAM,
        may: May = None,
    ) -> Moved:  # fmt: skip
        """Move a run that waits to a version of its workflow, a number or ``latest``; say what stands against it.

        ``by`` is kept with it, and in the audit log. With ``dry_run``, or if anything does, nothing changes. Raises
        ``NotFound``; ``InvalidInput`` with the pointer ``/version``, and ``Forbidden`` for who ``may`` not choose it;
        ``Conflict`` for a run that has ended, is a part of another, has a step that runs just now, or is about to be
        cancelled by an event.
        """
        hints: list[StepHint] = []
        event_ids: tuple[str, ...] = ()
        with self._database.transaction("move") as tx:
            run = _movable(tx, scope, run_id)
            position, facts = load(tx, run, self._versions)
            number = chosen_version(tx, run, version, "a version is its number, or latest")
            if may is not None:
                for need in version_needs(number, run.version, published_version(tx, run)):
                    need.check(may)
            workflow = self._versions.load(tx, scope, run.workflow_id, number)
            move = plan_move(position.progress, facts, workflow, number, position.around, tx.now_ms, actor=by.actor)
            is_moved = move.decision is not None and not dry_run and number != run.version
            if is_moved:
                hints, event_ids = self._write(tx, replace(position, workflow=workflow), move, number)
                note(tx, scope, by, Act.RUN_MOVED, f"run:{run.id}", {"from": run.version, "to": number})
        hint(self._dispatcher, hints, event_ids)
        return Moved(is_moved, number, move.problems, move.removed, move.added)

    def _write(
        self, tx: Transaction, position: Position, move: Move, version: int
    ) -> tuple[list[StepHint], tuple[str, ...]]:
        assert move.decision is not None and move.progress is not None  # noqa: S101, PT018 - nothing stands against it
        # SAFETY: I10 — under the run's lock, and on record in its journal: nobody works with another version after it.
        moved = with_action_limits(replace(position.run, version=version), position.workflow, self._schedule.registry)
        runs.set_version(tx, moved)
        position.run = moved
        position.progress = move.progress
        queued = queue_again(tx, moved.id, wake_at_ms=tx.now_ms + self._schedule.grace_ms)
        batch = Batch()
        written = add_decision(
            batch, position.run, position.workflow, move.decision, self._schedule, now_ms=tx.now_ms, claim=False
        )
        batch.write(tx)
        ended = self._ending.finish(tx, position, move.decision)
        self._watch_anew(tx, position, has_ended=move.decision.finish is not None)
        return [*queued, *written.hints, *ended.hints], ended.event_ids

    def _watch_anew(self, tx: Transaction, position: Position, *, has_ended: bool) -> None:
        """Watch the run as its new version says, and not as the old one did. After all locks of its steps."""
        run = position.run
        dropped = timers.drop(tx, run.id, WATCH_TIMERS)
        waits.drop_listeners(tx, run.id)
        # SAFETY: I11 — by now no event can cancel the run by a rule of the old version; one that has is not forgotten.
        if waits.was_cancelled(tx, run.id):
            raise Conflict("the run is about to be cancelled: an event has come that does it")
        if has_ended:
            return
        after = (dropped.get(LISTEN_TIMER) or {}).get("after")
        event = hide(self._schedule.sealing, position.event)
        found = watches_of_moved(run, position.workflow, event, tx.now_ms, after)
        for lookup in sorted(set(found.lookups), key=lambda each: each[1:]):
            waits.note_path(tx, *lookup)
        waits.insert(tx, found.waits)
        timers.plan(tx, found.timers)


def _movable(tx: Transaction, scope: Scope, run_id: str) -> RunRecord:
    run = runs.lock_in_scope(tx, scope, run_id)
    if run is None:
        raise NotFound(f"no run {run_id}")
    if run.status.is_terminal:
        raise Conflict(f"the run has ended: it is {run.status.value}")
    if run.path is not None:
        raise Conflict("a part of a run stays on the version that began it")
    if steps.any_running(tx, run.id):
        raise Conflict("a step of the run is running: move it when it waits")
    return run
