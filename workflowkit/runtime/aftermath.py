"""What follows the end of a run: what it did is undone (``compensate``), and then its end is handled.

Both begin in the transaction that ends the run, or the run before them, so each begins once or the end was none. A
handler is a part of the document, a child run; or another workflow, started by an event that is addressed to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base.ids import derived_id
from workflowkit.definition.model import COMPENSATE, ON_CANCEL, ON_FAILURE, Workflow
from workflowkit.engine.again import changes_of
from workflowkit.engine.ends import error_of
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.parts import ORDER, is_undoing, path_in, to_undo
from workflowkit.engine.progress import Finish
from workflowkit.engine.states import RunStatus
from workflowkit.engine.surroundings import Surroundings
from workflowkit.registry.compensation import OUTPUT_INPUT
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.items import is_item
from workflowkit.runtime.lifecycle import Lifecycle
from workflowkit.runtime.parts import begin_part, part_record
from workflowkit.runtime.position import Batch, Position, Schedule, load
from workflowkit.runtime.versions import Versions
from workflowkit.store import runs, steps
from workflowkit.store.events import EventGone, EventRecord
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction

_LOST = frozenset({RunStatus.FAILED, RunStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class Following:
    """What has begun: steps to hint, and events to store."""

    hints: tuple[StepHint, ...] = ()
    events: tuple[EventRecord, ...] = ()


_NOTHING = Following()


class Aftermath:
    """Begins what follows the end of a run. Everything here joins the transaction that ends it."""

    def __init__(self, versions: Versions, schedule: Schedule, lifecycle: Lifecycle) -> None:
        self._versions = versions
        self._schedule = schedule
        self._lifecycle = lifecycle

    def follow(self, tx: Transaction, position: Position, finish: Finish, reason: str | None) -> Following:
        """Begin what follows the end of a run; ``reason`` is why it was cancelled.

        The row of the run and its facts are written.
        """
        run = position.run
        if is_undoing(run.path):
            return self._after_undoing(tx, position)
        if finish.status is RunStatus.COMPLETED and not _is_left_behind(tx, run):
            return _NOTHING
        undoes_itself = self._schedule.registry.undoes_itself
        order = to_undo(position.progress, undoes_itself, position.memos.undone)
        given: dict[str, Any] = {"error": error_of(finish).as_dict(), "reason": reason, "status": finish.status.value}
        around = position.around.inside(position.progress.outputs, given)
        if order:
            path = path_in(run.path, COMPENSATE)
            given |= {ORDER: list(order), **_edited(tx, position, order)}
            return self._begin(tx, run, path, given, position.event, around)
        return self._handle(tx, run, position.workflow, position.event, given, around)

    def catch_up(self, tx: Transaction, run_id: str) -> Following:
        """Begin what follows a run that failed as it began."""
        run, outcome = runs.load(tx, run_id), runs.outcome(tx, run_id)
        if run is None or outcome is None:
            return _NOTHING
        try:
            position, _facts = load(tx, run, self._versions)
        except EventGone:
            return _NOTHING  # a handler would have to be told of it
        return self.follow(tx, position, Finish(outcome[0], error=outcome[2]), None)

    def _after_undoing(self, tx: Transaction, position: Position) -> Following:
        """Handle the end of the run that has been undone now."""
        undoing = position.run
        run = None if undoing.parent_run_id is None else runs.load(tx, undoing.parent_run_id)
        if run is None or is_item(undoing):
            return _NOTHING
        workflow = self._versions.load_run(tx, run)
        # What compensations see is what the run has left; their own outputs are not part of that.
        return self._handle(tx, run, workflow, position.event, undoing.input, position.around)

    def _handle(
        self,
        tx: Transaction,
        run: RunRecord,
        workflow: Workflow,
        event: dict[str, Any],
        given: Mapping[str, Any],
        around: Surroundings,
    ) -> Following:
        """Begin the handler of the end of a run, if its document has one."""
        if run.path is not None or (status := RunStatus(given["status"])) not in _LOST:
            return _NOTHING
        settings, reason = workflow.settings, given["reason"]
        path, graph, target = ON_FAILURE, workflow.on_failure, settings.on_failure_workflow
        if status is RunStatus.CANCELLED:
            path, graph, target = ON_CANCEL, workflow.on_cancel, settings.on_cancel_workflow
        if graph is not None:
            return self._begin(tx, run, path, {"error": given["error"]}, event, around)
        if target is None:
            return _NOTHING
        finish = Finish(status, error=ErrorInfo.from_dict(given["error"]))
        return Following(events=tuple(self._lifecycle.addressed(run, event, finish, reason, target, tx.now_ms)))

    def _begin(
        self,
        tx: Transaction,
        run: RunRecord,
        path: str,
        given: dict[str, Any],
        event: dict[str, Any],
        around: Surroundings,
    ) -> Following:
        # SAFETY: I2 — the id follows from the run: what follows its end begins once.
        record = part_record(run, derived_id(run.id, path), path, given, now_ms=tx.now_ms)
        child = replace(record, paused_at_ms=None)  # nobody resumes a run that has ended
        graph, batch = self._versions.load_run(tx, child), Batch()
        openings = begin_part(batch, child, graph, event, self._schedule, now_ms=tx.now_ms, around=around)
        batch.write(tx)
        return Following(hints=tuple(opening.hint for opening in openings))


def _edited(tx: Transaction, position: Position, order: Sequence[str]) -> dict[str, Any]:
    """Return what tells compensations which of the actions that they undo were given inputs that somebody had edited.

    A compensation that a document has says itself what it is given.
    """
    nodes, edited = position.workflow.nodes, changes_of(runs.given(tx.sealing, position.run)).get("inputs", {})
    inputs = {
        node_id: {**edited[node_id], OUTPUT_INPUT: position.progress.outputs.get(node_id)}
        for node_id in order
        if node_id in edited and nodes[node_id].compensate is None
    }
    return {"again": {"inputs": inputs}} if inputs else {}


def _is_left_behind(tx: Transaction, run: RunRecord) -> bool:
    """Tell whether an item completes whose loop has ended with its run: then nobody else will undo what it did.

    The row of the loop's step is locked: whoever looks for completed items to undo does so after that has changed.
    """
    if not is_item(run):
        return False
    loop = steps.lock(tx, run.parent_run_id or "", run.parent_step or "")
    if loop is None or not loop.status.is_terminal:
        return False
    outcome = runs.outcome(tx, run.parent_run_id or "")
    return outcome is not None and outcome[0] in _LOST
