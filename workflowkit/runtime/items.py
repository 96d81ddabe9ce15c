"""The end of an item of a loop: what it means for the other items, and for the loop.

Locks go from the run of the item to the row of the loop's step and from there to the steps of an item that has not
begun, which nobody else can be at. The run of the loop, and those of other items, are never locked.
"""

from __future__ import annotations

from workflowkit.engine.loops import items_key
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.runtime.hints import StepHint
from workflowkit.store import children, steps
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction

#: Whether the failure of an item ends its loop: part of what its run is given, and not to be seen by its steps.
ENDS_LOOP = "ends_loop"


def is_item(run: RunRecord) -> bool:
    """Tell whether a run is for an item of a loop."""
    return run.path is not None and run.parent_step is not None and run.parent_wait == items_key(run.parent_step)


def item_ended(tx: Transaction, run: RunRecord, status: RunStatus, *, wake_at_ms: int) -> tuple[StepHint, ...]:
    """Give the next item of a loop its turn, or make the loop's step due if nothing is left to wait for.

    Returns the steps that may be claimed. Joins the transaction in which the run of an item ends, after its end was
    written.
    """
    parent_id, step = run.parent_run_id or "", run.parent_step or ""
    loop = steps.lock(tx, parent_id, step)
    # SAFETY: I11 — a loop that has been made due, that is being claimed or has ended lets no further item begin.
    if loop is None or loop.status is not StepStatus.WAITING or loop.due_at_ms == steps.AT_ONCE:
        return ()
    if status is RunStatus.COMPLETED or not run.input[ENDS_LOOP]:
        if steps.is_active(tx, run.id):
            following = children.activate_next(tx, parent_id, step, after=run.id, wake_at_ms=wake_at_ms)
            if following:
                return tuple(StepHint(*row) for row in following)
        # SAFETY: I4 — looked at only now, under the lock: of two last items exactly one finds nobody left.
        if children.any_open(tx, parent_id, step):
            return ()
    steps.poke(tx, parent_id, step, wake_at_ms=wake_at_ms)
    return (StepHint(parent_id, step, loop.queue),)


def lock_loop(tx: Transaction, run: RunRecord) -> None:
    """Lock the row of an item's loop, before those of the item's own steps: whoever gives items their turn does so."""
    steps.lock(tx, run.parent_run_id or "", run.parent_step or "")
