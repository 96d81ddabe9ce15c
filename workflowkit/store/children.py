"""Runs that belong to a step of another run: the items of its loop. Their ids are in the order of the items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.states import RunStatus
from workflowkit.store import steps
from workflowkit.store.runs import output_place
from workflowkit.store.sealed import open_text
from workflowkit.store.statements import Sql
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class ChildEnd:
    """How far a child run has come. ``given`` is what it was given besides its event."""

    run_id: str
    given: Any
    status: RunStatus
    output: Any
    error: ErrorInfo | None


_OF_STEP = "parent_run_id = :run_id AND parent_step = :step"
# From the last one down: items begin in order, so those that are still open are mostly at the end.
_ANY_OPEN = Sql(
    f"SELECT 1 FROM runs WHERE {_OF_STEP} AND finished_at_ms IS NULL ORDER BY id DESC LIMIT 1"  # noqa: S608
)
_ANY_LOST = Sql(f"SELECT 1 FROM runs WHERE {_OF_STEP} AND status IN ('failed', 'cancelled') LIMIT 1")  # noqa: S608
_NEXT = Sql(
    f"""
    SELECT id FROM runs WHERE {_OF_STEP} AND id > :after AND status = 'scheduled' AND EXISTS (
        SELECT 1 FROM steps WHERE steps.run_id = runs.id AND steps.status = 'ready' AND steps.due_at_ms = :never
    )
    ORDER BY id LIMIT 1
    """  # noqa: S608 - text from our own code
)
_TO_UNDO = Sql(
    f"""
    SELECT id, input FROM runs WHERE {_OF_STEP} AND status = 'completed' AND NOT EXISTS (
        SELECT 1 FROM runs AS undoing WHERE undoing.parent_run_id = runs.id AND undoing.path = :undone_by
    )
    ORDER BY finished_at_ms DESC, id DESC
    """  # noqa: S608 - text from our own code
)
_KEEP = Sql(f"SELECT input FROM runs WHERE {_OF_STEP} ORDER BY id {{keep}}")  # noqa: S608
_ENDS = Sql(f"SELECT id, input, status, output, error FROM runs WHERE {_OF_STEP} ORDER BY id")  # noqa: S608


def to_undo(tx: Transaction, run_id: str, step: str, *, undone_by: str) -> list[ChildEnd]:
    """Return the completed runs of this step, the last to complete first, but for those that have been undone by a run
    with the path ``undone_by``. Without their outputs."""
    rows = tx.rows(_TO_UNDO, run_id=run_id, step=step, undone_by=undone_by)
    return [ChildEnd(row[0], jsonvalue.loads(row[1]), RunStatus.COMPLETED, None, None) for row in rows]


def any_open(tx: Transaction, run_id: str, step: str) -> bool:
    """Tell whether a run of this step has not ended. Decisive only while the step's row is locked."""
    return tx.one(_ANY_OPEN, run_id=run_id, step=step) is not None


def any_lost(tx: Transaction, run_id: str, step: str) -> bool:
    """Tell whether a run of this step has failed or was cancelled."""
    return tx.one(_ANY_LOST, run_id=run_id, step=step) is not None


def activate_next(tx: Transaction, run_id: str, step: str, *, after: str, wake_at_ms: int) -> list[Any]:
    """Let the first run of this step begin that comes behind the run ``after`` and waits for its turn.

    Returns the (run id, step key, queue) of its first steps; none if no run waits. The caller has locked the row of
    the step: runs get their turn in order, one at a time, so every one that waits comes behind every one that does not.
    """
    row = tx.one(_NEXT, run_id=run_id, step=step, after=after, never=steps.NEVER)
    return [] if row is None else steps.activate(tx, row[0], wake_at_ms=wake_at_ms)


def keep(tx: Transaction, run_id: str, step: str) -> list[Any]:
    """Return what the runs of this step were given besides their event; nobody deletes one until the transaction ends.

    In order of the items.
    """
    return [jsonvalue.loads(row[0]) for row in tx.rows(_KEEP, run_id=run_id, step=step) if row[0] is not None]


def ends(tx: Transaction, run_id: str, step: str) -> Iterator[ChildEnd]:
    """Yield how the runs of this step stand, in order of the items. Raises ``ValueUnreadable``."""
    for child_id, given, status, output, error in tx.rows(_ENDS, run_id=run_id, step=step):
        yield ChildEnd(
            child_id,
            None if given is None else jsonvalue.loads(given),
            RunStatus(status),
            open_text(tx.sealing, output, output_place(child_id)),
            None if error is None else ErrorInfo.from_dict(jsonvalue.loads(error)),
        )
