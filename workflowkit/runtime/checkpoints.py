"""The transaction in which an app reports steps while the attempt that called it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflowkit.base.errors import Conflict, NotFound
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.memo import step_key
from workflowkit.store import journal, runs, steps
from workflowkit.store.database import Database
from workflowkit.store.runs import RunRecord
from workflowkit.store.steps import Lease
from workflowkit.store.transactions import Transaction


class Checkpoints:
    """Records results of steps that came from outside of the worker that holds their node."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, run_id: str, node_id: str, generation: int, outputs: Mapping[str, Any]) -> None:
        """Record what steps of a node came to, by id, in order; what has a result already keeps it.

        Joins the present attempt: ``generation`` says which claim of the node that is. Raises ``NotFound``, and
        ``Conflict`` if the attempt is over.
        """
        with self._database.transaction("checkpoint") as tx:
            run, lease = lock_attempt(tx, run_id, node_id, generation)
            if lease is None:
                raise Conflict(f"the attempt {generation} of run {run_id} is over")
            journal.insert(tx, journal.rows_of(run_id, run.revision, new_results(tx, run_id, node_id, outputs)))


def lock_attempt(tx: Transaction, run_id: str, node_id: str, generation: int) -> tuple[RunRecord, Lease | None]:
    """Lock a run; return it, and the lease of an attempt at a node, ``None`` if that is over. Raises ``NotFound``."""
    run = runs.lock(tx, run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id!r}")
    lease = None if run.status.is_terminal else steps.held_lease(tx, run_id, node_id)
    # SAFETY: I2 I11 I13 — nothing is recorded for a run that has ended, or for an attempt that lost its lease.
    return run, lease if lease is not None and lease.attempt == generation else None


def new_results(tx: Transaction, run_id: str, node_id: str, outputs: Mapping[str, Any]) -> list[Fact]:
    """Return the results of those steps of a node, by id, that have none on record. The run is locked."""
    keys = {step_key(node_id, step_id): output for step_id, output in outputs.items()}
    standing = journal.standing(tx, run_id, keys)
    return [
        Fact(FactKind.COMPLETED, key, standing.attempts.get(key, 0) + 1, output, at_ms=tx.now_ms)
        for key, output in keys.items()
        if key not in standing.ended
    ]
