"""The transaction in which a step that waited for a limit starts: throttle and slots are taken together with its lease.

A *place* is a lane or a group of slots. Whoever puts a step into a lane hints the lane, whoever gives a slot back hints
its group; both after their commit, so that one of the two always sees the other. Should a hint be lost, the relay looks
at every lane from time to time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from workflowkit.base.errors import DefinitionError
from workflowkit.engine.states import RunStatus
from workflowkit.flow.concurrency import Ceiling
from workflowkit.flow.dequeue import Full, Go, TooEarly, dequeue
from workflowkit.runtime.claiming import Claiming
from workflowkit.runtime.ending import Ending
from workflowkit.runtime.hints import StepHint, place_hint
from workflowkit.runtime.nextturn import NextTurn
from workflowkit.runtime.position import Claim, Opening, Schedule
from workflowkit.runtime.runflow import flow_of, rate_of, throttle_state
from workflowkit.runtime.slots import queue_again
from workflowkit.store import flowstates, lanes, pauses, runs, slots, steps
from workflowkit.store.database import Database
from workflowkit.store.events import EventGone
from workflowkit.store.flowstates import StateKey
from workflowkit.store.lanes import Lane, QueuedStep
from workflowkit.store.pauses import Hold
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction

#: Most lanes that one look at a place considers: those before it may be on queues of other workers.
LANES_CONSIDERED = 10
#: Most steps of a lane that one transaction passes over because they cannot start: their run is paused, or has ended.
PASSED_OVER = 20
#: How often a worker looks again at a place where others were faster.
DEQUEUE_TRIES = 5


@dataclass(slots=True)
class Dequeued:
    """The step that starts, if any, and what others may look at. ``is_settled``: to look again now is of no use.

    ``passed_over`` is the queue of a lane of which only steps that cannot start were taken out.
    """

    claim: Claim | None = None
    openings: list[Opening] = field(default_factory=list)
    is_settled: bool = False
    passed_over: str | None = None


class Dequeuing:
    """Takes steps out of lanes, for one worker process. Thread-safe."""

    def __init__(
        self, database: Database, schedule: Schedule, claiming: Claiming, ending: Ending, next_turn: NextTurn
    ) -> None:
        self._database = database
        self._schedule = schedule
        self._claiming = claiming
        self._ending = ending
        self._next_turn = next_turn

    def claim(self, place: str) -> Dequeued:
        """Start the step whose turn it is at a place, if there is one that may start now."""
        taken = self._next_turn.claim(place)
        if not taken.is_long:
            follows = [] if taken.next_queue is None else [Opening(place_hint(place, taken.next_queue))]
            return Dequeued(taken.claim, follows, is_settled=True)
        openings: list[Opening] = []
        passed_over: str | None = None
        for _ in range(DEQUEUE_TRIES):
            try:
                with self._database.transaction("dequeue") as tx:
                    found = self._look(tx, place)
            except _SpoiltStep as spoilt:
                openings += self._give_up(spoilt.step) if spoilt.is_lost else self._set_aside(spoilt.step)
                passed_over = spoilt.queue
                continue
            openings += found.openings
            passed_over = found.passed_over
            if found.claim is not None:
                found.claim.position.others_wait = True
                self._next_turn.learn(place, found.claim.position)
            if found.claim is not None or found.is_settled:
                return Dequeued(found.claim, openings, is_settled=True)
        # Others are faster here, and one of them goes on. But nobody comes after steps that were only taken out.
        if passed_over is not None:
            openings.append(Opening(place_hint(place, passed_over)))
        return Dequeued(None, openings)

    def _look(self, tx: Transaction, place: str) -> Dequeued:
        found = Dequeued()
        for lane in lanes.pick(tx, place, limit=LANES_CONSIDERED):
            if self._schedule.serves(lane.queue):
                self._serve(tx, lane, found)
                if found.claim is not None:
                    # One more may be able to start, by whoever gets there first.
                    found.openings += [
                        Opening(place_hint(place, each.queue)) for each in lanes.pick(tx, place)
                    ]  # fmt: skip
                return found
            found.openings.append(Opening(place_hint(lane.place, lane.queue)))
        found.is_settled = True
        return found

    def _serve(self, tx: Transaction, lane: Lane, found: Dequeued) -> None:
        """Start the next step of a lane if that may still be. Locks groups and throttle, then the run, then lanes."""
        throttle = throttle_state(lane)
        # SAFETY: I18 I19 — counted and taken under these locks.
        slots.lock(tx, list(lane.ceilings), throttle)
        states = flowstates.lock(tx, [] if throttle is None else [throttle])
        rate = None if lane.throttle is None else rate_of(lane.throttle)
        arrival_us = None if throttle is None else states[throttle]
        ceilings = [Ceiling(group, limit) for group, limit in lane.ceilings.items()]
        held = slots.held(tx, list(lane.ceilings)) if ceilings else {}
        verdict = dequeue(rate, arrival_us, ceilings, held, now_ms=tx.now_ms)
        if isinstance(verdict, TooEarly):
            lanes.hold(tx, lane.id, until_ms=verdict.next_at_ms)
        elif isinstance(verdict, Go):
            self._start_next(tx, lane, throttle, verdict, found)
            if found.claim is not None and rate is not None:
                follows = dequeue(rate, verdict.throttle_arrival_us, (), {}, now_ms=tx.now_ms)
                if isinstance(follows, TooEarly):
                    lanes.hold(tx, lane.id, until_ms=follows.next_at_ms)
        else:
            assert isinstance(verdict, Full)  # noqa: S101 - others have taken the slot since: look again

    def _start_next(self, tx: Transaction, lane: Lane, throttle: StateKey | None, verdict: Go, found: Dequeued) -> None:
        for _ in range(PASSED_OVER):
            step = lanes.head(tx, lane.id)
            if step is None:
                lanes.close_empty(tx, lane)
                return
            if step.step_key == slots.WHOLE_RUN:
                self._resume(tx, lane, step, found)
                return
            found.claim = self._start(tx, lane, step, found)
            if found.claim is not None:
                if throttle is not None:
                    expires_at_ms = (verdict.throttle_arrival_us or 0) // 1_000 + 1
                    flowstates.put(tx, throttle, verdict.throttle_arrival_us, expires_at_ms=expires_at_ms)
                lanes.served(tx, lane)
                return
        found.passed_over = lane.queue

    def _start(self, tx: Transaction, lane: Lane, step: QueuedStep, found: Dequeued) -> Claim | None:
        """Take the lease and the slots of a step; or take it out of its lane, if it cannot start."""
        # The run before its place in line, as whoever cancels or moves it does.
        run = runs.lock(tx, step.run_id)
        if not lanes.remove(tx, step.run_id, step.step_key) or run is None or run.status.is_terminal:
            return None
        if run.paused_at_ms is not None:
            # Due again, but for the pause: whoever thaws the run sees to it.
            steps.unpark(tx, run.id, step.step_key, wake_at_ms=None)
            return None
        lease = steps.claim_parked(tx, run.id, step.step_key, lease_ms=self._schedule.lease_ms)
        if lease is None:
            return None
        started = replace(run, status=RunStatus.RUNNING, started_at_ms=run.started_at_ms or tx.now_ms)
        try:
            claim = self._claiming.begin(tx, started, lease)
        except (DefinitionError, EventGone) as error:
            raise _SpoiltStep(step, lane.queue, is_lost=isinstance(error, EventGone)) from error
        if claim is None:
            return None
        self._take_slots(tx, run, claim)
        if run.started_at_ms is None:
            found.openings += self._release_others(tx, run)
        runs.start(tx, run.id)
        return claim

    def _resume(self, tx: Transaction, lane: Lane, step: QueuedStep, found: Dequeued) -> None:
        """Give a run that was frozen the slots back that it holds as a whole, and let it go on."""
        found.passed_over = lane.queue  # nothing was claimed: somebody is to look once more
        run = runs.lock(tx, step.run_id)
        flow = None if run is None else flow_of(run)
        is_there = lanes.remove(tx, step.run_id, step.step_key)
        if run is None or flow is None or not is_there or run.status.is_terminal or run.paused_at_ms is None:
            return
        if Hold.PAUSE in pauses.holds_of(tx, run.scope, run.workflow_id):
            return  # again: whoever lifts that pause lets it queue once more
        slots.take_for_run(tx, run.id, [ceiling.group for ceiling in flow.runs])
        due = pauses.thaw(tx, [run.id], wake_at_ms=tx.now_ms + self._schedule.grace_ms)
        found.openings += [Opening(StepHint(*row)) for row in due]
        lanes.served(tx, lane)

    def _take_slots(self, tx: Transaction, run: RunRecord, claim: Claim) -> None:
        flow = flow_of(run)
        if flow is None:
            return
        slots.take(tx, claim.lease, [ceiling.group for ceiling in flow.while_at(claim.lease.step_key)])
        if run.started_at_ms is None:
            slots.take_for_run(tx, run.id, [ceiling.group for ceiling in flow.runs])

    def _release_others(self, tx: Transaction, run: RunRecord) -> Sequence[Opening]:
        """Let the other first steps of a run that has just started be under what its later steps are under."""
        return [Opening(hint) for hint in queue_again(tx, run.id, wake_at_ms=tx.now_ms + self._schedule.grace_ms)]

    def _give_up(self, step: QueuedStep) -> list[Opening]:
        """End the run of a step whose event is gone: nobody can go on with it, and it would hold up its lane."""
        with self._database.transaction("dequeue") as tx:
            run = runs.lock(tx, step.run_id)
            lanes.remove(tx, step.run_id, step.step_key)
            if run is None or run.status.is_terminal:
                return []
            return [Opening(hint) for hint in self._ending.give_up(tx, run).hints]

    def _set_aside(self, step: QueuedStep) -> list[Opening]:
        """Keep a step that this process cannot read from holding up its lane: the relay hints it to others."""
        with self._database.transaction("dequeue") as tx:
            if runs.lock(tx, step.run_id) is not None:
                lanes.remove(tx, step.run_id, step.step_key)
                steps.unpark(tx, step.run_id, step.step_key, wake_at_ms=tx.now_ms + self._schedule.grace_ms)
        return []


class _SpoiltStep(Exception):
    """Rolls back: the version of the step's run cannot be read here, or the run has lost its event."""

    def __init__(self, step: QueuedStep, queue: str, *, is_lost: bool) -> None:
        super().__init__(step.run_id)
        self.step, self.queue, self.is_lost = step, queue, is_lost
