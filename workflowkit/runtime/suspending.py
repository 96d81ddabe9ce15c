"""The transaction in which a handler begins to wait: no worker holds its step until something has happened."""

from __future__ import annotations

from workflowkit.base.errors import LeaseLost
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.memo import Memo
from workflowkit.engine.outcome import Suspended
from workflowkit.engine.states import StepStatus
from workflowkit.engine.waits import WaitKind
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.position import Batch, Claim, Opening, Schedule, refresh
from workflowkit.runtime.slots import give_back
from workflowkit.runtime.waiting import Waiting
from workflowkit.store import journal, runs, steps
from workflowkit.store.database import Database

#: How often others may be faster with the signals that a step is about to wait for.
SUSPEND_TRIES = 10


class Suspending:
    """Puts steps to sleep."""

    def __init__(self, database: Database, waiting: Waiting, schedule: Schedule) -> None:
        self._database = database
        self._waiting = waiting
        self._schedule = schedule

    def suspend(self, claim: Claim, suspended: Suspended) -> tuple[Opening, ...]:
        """Give a step back until the earliest of what it waits for; return what can go on at once.

        Raises ``LeaseLost`` where the attempt is no longer the step's: nothing is stored then. Locks the run, then the
        step, then its waits.
        """
        for _ in range(SUSPEND_TRIES - 1):
            try:
                return self._suspend(claim, suspended)
            except self._database.integrity_error:
                # SAFETY: I5 I17 — another run has begun to wait for the same signal, and neither saw the other. Nothing
                # is stored; now that one is seen.
                continue
        return self._suspend(claim, suspended)

    def _suspend(self, claim: Claim, suspended: Suspended) -> tuple[Opening, ...]:
        position, lease = claim.position, claim.lease
        node_id = lease.step_key
        with self._database.transaction("suspend") as tx:
            locked = runs.lock(tx, lease.run_id)
            if locked is None:
                raise LeaseLost("the run is gone")
            if locked.status.is_terminal:
                return ()
            refresh(tx, position, locked)
            position.is_stale = True
            memo, batch = position.memos.of(node_id), Batch()
            # SAFETY: I13 — fenced by the token, and the lock of the step's row: from here on nothing is missed (I17).
            if not steps.release(tx, lease, StepStatus.WAITING):
                raise LeaseLost(f"the lease of step {node_id} has ended")
            queue = self._schedule.queue_of(position.workflow, node_id)
            # SAFETY: I18 — what waits executes nothing: others may.
            freed = give_back(tx, locked, node_id, queue)
            begun = self._waiting.begin(tx, batch, position, node_id, suspended.waits)
            detail = {"missing": list(suspended.missing)} if suspended.missing else None
            facts = [*begun.facts, Fact(FactKind.SUSPENDED, node_id, lease.attempt, detail=detail, at_ms=tx.now_ms)]
            batch.journal += journal.rows_of(locked.id, locked.revision, facts)
            batch.write(tx)
            position.memos.absorb(facts)
            is_due = begun.is_due or self._waiting.has_news(tx, position, node_id)
            due_ms = steps.AT_ONCE if is_due else _due_ms(memo, suspended)
            wake_at_ms = max(due_ms, tx.now_ms + (self._schedule.grace_ms if due_ms <= tx.now_ms else 0))
            is_frozen = locked.paused_at_ms is not None
            steps.put_off(
                tx, lease.run_id, node_id, _status(memo), due_at_ms=due_ms, wake_at_ms=None if is_frozen else wake_at_ms
            )
            runs.set_waiting(tx, locked.id)
        position.is_stale = False
        openings = [*begun.openings, *(Opening(hint) for hint in freed)]
        if due_ms <= tx.now_ms and not is_frozen:
            openings.append(Opening(StepHint(lease.run_id, node_id, queue)))
        return tuple(openings)


def _due_ms(memo: Memo, suspended: Suspended) -> int:
    """Return when the handler is entered again at the latest."""
    known = memo.next_due_ms()
    dues = [due for due in (known, suspended.resume_at_ms) if due is not None]
    return min(dues, default=steps.AT_ONCE)


def _status(memo: Memo) -> StepStatus:
    """Return ``sleeping`` where only time can end the wait, ``waiting`` where something else can.

    A handler that waits for nothing and was handed over is ``ready``.
    """
    if not memo.open and not memo.retries:
        return StepStatus.READY
    if any(wait.kind is not WaitKind.SLEEP for wait in memo.open.values()):
        return StepStatus.WAITING
    return StepStatus.SLEEPING
