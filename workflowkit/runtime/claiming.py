"""The beginning of an attempt: what a worker that has just taken a step's lease must know, and put on record."""

from __future__ import annotations

from workflowkit.engine.facts import Fact, FactKind
from workflowkit.runtime.position import Claim, Schedule, attempt_fact, is_cancelled, load
from workflowkit.runtime.versions import Versions
from workflowkit.runtime.waiting import Waiting
from workflowkit.store import journal
from workflowkit.store.database import Transaction
from workflowkit.store.runs import RunRecord
from workflowkit.store.steps import Lease


class Claiming:
    """Begins attempts. Joins the transaction that holds the run's lock and has just taken the lease."""

    def __init__(self, versions: Versions, schedule: Schedule, waiting: Waiting) -> None:
        self._versions = versions
        self._schedule = schedule
        self._waiting = waiting

    def begin(self, tx: Transaction, run: RunRecord, lease: Lease) -> Claim | None:
        """Put the attempt on record; return the claim, or ``None`` if the run is about to be cancelled.

        Raises ``DefinitionError`` if this code cannot read the version that the run executes.
        """
        step_key = lease.step_key
        position, facts = load(tx, run, self._versions)
        if is_cancelled(tx, position):
            return None
        lost = sum(fact.kind is FactKind.LOST and fact.step == step_key for fact in facts)
        written = [attempt_fact(lease, self._schedule.worker, tx.now_ms)]
        if lease.lost_attempts > lost:
            reason = "the worker did not renew its lease in time"
            written.insert(0, Fact(FactKind.LOST, step_key, lease.attempt - 1, reason=reason, at_ms=tx.now_ms))
        written += self._waiting.end(tx, position, step_key)
        # SAFETY: I5 — the attempt is on record before its action starts.
        journal.insert(tx, journal.rows_of(run.id, run.revision, written))
        position.memos.absorb(written)
        return Claim(position, lease)
