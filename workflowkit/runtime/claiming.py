"""The beginning of an attempt: what a worker that has just taken a step's lease must know, and put on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workflowkit.engine.extensions import Extensions
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.engine.waits import WaitKind
from workflowkit.runtime.position import (
    Claim,
    Opening,
    Position,
    Schedule,
    attempt_fact,
    is_all_known,
    is_cancelled,
    load,
    place,
)
from workflowkit.runtime.runflow import is_limited, lane_of, limited_flow_of
from workflowkit.runtime.versions import Versions
from workflowkit.runtime.waiting import Waiting
from workflowkit.store import journal, singles
from workflowkit.store.runs import RunRecord
from workflowkit.store.singles import Look
from workflowkit.store.slots import may_be_plenty
from workflowkit.store.steps import Lease
from workflowkit.store.transactions import Transaction

#: Waits that end, if something comes, without anything else being written.
_PLAIN_WAITS = frozenset({WaitKind.EVENT, WaitKind.SIGNAL})
#: Actions that do nothing but wait: to run them in vain, as the step turns out to be somebody else's, does no harm.
_WAITING_ONLY = frozenset({"builtin:wait", "builtin:delay_until", "builtin:wait_for_event"})


class Claiming:
    """Begins attempts."""

    def __init__(self, versions: Versions, schedule: Schedule, waiting: Waiting, extensions: Extensions) -> None:
        self._versions = versions
        self._schedule = schedule
        self._waiting = waiting
        self._extensions = extensions

    def begin(self, tx: Transaction, run: RunRecord, lease: Lease) -> Claim | None:
        """Put the attempt on record; return the claim, or ``None`` if the run is about to be cancelled.

        Joins the transaction that holds the run's lock and has just taken the lease. Raises ``DefinitionError`` if this
        code cannot read the version that the run executes.
        """
        step_key = lease.step_key
        position, facts = load(tx, run, self._versions)
        if is_cancelled(tx, position):
            return None
        written = [attempt_fact(lease, self._schedule.worker, tx.now_ms)]
        if lease.lost_attempts > _losses(facts, step_key):
            reason = "the worker did not renew its lease in time"
            written.insert(0, Fact(FactKind.LOST, step_key, lease.attempt - 1, reason=reason, at_ms=tx.now_ms))
        written += self._waiting.end(tx, position, step_key)
        # SAFETY: I5 — the attempt is on record before its action starts.
        journal.insert(tx, journal.rows_of(run.id, run.revision, written))
        position.memos.absorb(written)
        return Claim(position, lease)

    def at_once(self, tx: Transaction, opening: Opening, *, may_defer: bool) -> Claim | None:
        """Look without a lock, and claim by one statement if the run has not moved since; PostgreSQL only.

        With ``may_defer``, a step that has done nothing but wait is left for its record to claim (``Claim.begun``).
        ``None`` if the run has moved, or if more than its own rows must be looked at: the long way is to be gone then.
        Raises what ``begin`` raises.
        """
        step_key, known = opening.hint.step_key, opening.position
        if known is not None:
            # Nothing waits in a step that was opened by what is known.
            return self._claim(tx, known, step_key, ()) if is_all_known(known) else None
        seen = singles.look(tx, opening.hint.run_id, step_key, lease_ms=self._schedule.lease_ms)
        if seen is None or not _is_plain(seen, step_key):
            return None
        position = place(tx, seen.run, seen.event, seen.facts, self._versions)
        if not is_all_known(position) or not _ends_plainly(position, step_key, tx.now_ms):
            return None
        ended = self._waiting.end(tx, position, step_key, seen)
        if ended and may_defer and not is_limited(seen.run) and self._only_waits(position, step_key):
            begun = (attempt_fact(seen.lease, self._schedule.worker, tx.now_ms), *ended)
            position.memos.absorb(begun)
            return Claim(position, seen.lease, begun)
        # SAFETY: I17 — what is received between this look and the claim is found when the step is about to wait again.
        return self._claim(tx, position, step_key, ended)

    def _only_waits(self, position: Position, step_key: str) -> bool:
        spec = self._schedule.registry.executable(position.workflow.nodes[step_key].kind)
        # What surrounds an attempt is told of those that take place.
        return spec is not None and spec.kind in _WAITING_ONLY and not self._extensions.surround(spec)

    def _claim(self, tx: Transaction, position: Position, step_key: str, ended: Sequence[Fact]) -> Claim | None:
        schedule, run, wanted = self._schedule, position.run, None
        has_started = run.started_at_ms is not None
        if (flow := limited_flow_of(run)) is not None and flow.holds_up(step_key, has_started=has_started):
            lane = lane_of(run, flow, schedule.queue_of(position.workflow, step_key), step_key)
            if not may_be_plenty(lane.ceilings, lane.throttle):
                return None
            wanted = flow.wanted(step_key, lane, has_started=has_started)
        attempt = Fact(FactKind.ATTEMPT, step_key, worker=schedule.worker, at_ms=tx.now_ms)
        lease = singles.claim(tx, run, step_key, attempt, lease_ms=schedule.lease_ms, ended=ended, wanted=wanted)
        if lease is None:
            return None
        begun_at_ms = lease.ends_at_ms - schedule.lease_ms
        started_at_ms = position.run.started_at_ms or begun_at_ms
        position.run = replace(
            position.run, revision=position.run.revision + 1, status=RunStatus.RUNNING, started_at_ms=started_at_ms
        )
        position.memos.absorb([attempt_fact(lease, schedule.worker, begun_at_ms), *ended])
        return Claim(position, lease)


def _is_plain(seen: Look, step_key: str) -> bool:
    """Tell whether a step is in nobody's hands, of a run that goes on; ``claim`` sees to what changes meanwhile."""
    run = seen.run
    is_free = seen.step_status is not StepStatus.RUNNING and seen.lease.lost_attempts == _losses(seen.facts, step_key)
    return is_free and run.paused_at_ms is None and not run.status.is_terminal


def _ends_plainly(position: Position, step_key: str, now_ms: int) -> bool:
    """Tell whether the waits of a step end without anything being written but that they have."""
    waits = position.memos.of(step_key).open.values()
    return all(wait.kind is WaitKind.SLEEP or (wait.kind in _PLAIN_WAITS and wait.until_ms > now_ms) for wait in waits)


def _losses(facts: Sequence[Fact], step_key: str) -> int:
    return sum(fact.kind is FactKind.LOST and fact.step == step_key for fact in facts)
