"""Giving slots back, in the transaction in which a step stops executing or a run ends."""

from __future__ import annotations

from workflowkit.base.settings import DEFAULT_QUEUE
from workflowkit.runtime.hints import StepHint, place_hint
from workflowkit.runtime.runflow import flow_of
from workflowkit.store import lanes, slots, steps
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction


def give_back(tx: Transaction, run: RunRecord, step_key: str, queue: str = DEFAULT_QUEUE) -> tuple[StepHint, ...]:
    """Give back what a step holds that no longer executes; return where others may start, to be hinted after."""
    flow = flow_of(run)
    if flow is None or not (held := flow.while_at(step_key)):
        return ()
    slots.free(tx, run.id, step_key)
    return tuple(place_hint(ceiling.group, queue) for ceiling in held)


def queue_again(tx: Transaction, run_id: str, *, wake_at_ms: int) -> list[StepHint]:
    """Take the steps of a run out of their lanes, as they are under other limits now; return them: they are due."""
    keys = lanes.steps_of(tx, run_id)
    lanes.remove_run(tx, run_id)
    queues = steps.queues(tx, run_id) if keys else {}
    for step_key in keys:
        steps.unpark(tx, run_id, step_key, wake_at_ms=wake_at_ms)
    return [StepHint(run_id, step_key, queues[step_key]) for step_key in keys]


def give_back_all(tx: Transaction, run: RunRecord, queue: str = DEFAULT_QUEUE) -> tuple[StepHint, ...]:
    """Give back all that a run holds or waits for that has just ended; return where others may start."""
    flow = flow_of(run)
    if flow is None:
        return ()
    lanes.remove_run(tx, run.id)
    if not (flow.steps or flow.runs or flow.actions):
        return ()
    freed = slots.free_run(tx, run.id)
    groups = dict.fromkeys([*(ceiling.group for ceiling in (*flow.steps, *flow.runs)), *freed])
    return tuple(place_hint(group, queue) for group in groups)
