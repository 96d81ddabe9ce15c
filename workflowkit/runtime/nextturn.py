"""The step whose turn it is under a limit, taken in one statement where nobody else is at it. PostgreSQL only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base.errors import DefinitionError
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.states import RunStatus
from workflowkit.flow.concurrency import Ceiling
from workflowkit.flow.dequeue import Go, TooEarly, dequeue
from workflowkit.runtime.position import Claim, Schedule, may_be_cancelled
from workflowkit.runtime.position import place as place_run
from workflowkit.runtime.recently import Recently
from workflowkit.runtime.runflow import flow_of, rate_of, slot_state, throttle_state
from workflowkit.runtime.versions import Versions
from workflowkit.store import flowstates, journal, slots, turns
from workflowkit.store.database import Database, Transaction
from workflowkit.store.flowstates import Seen, StateKey
from workflowkit.store.turns import Turn


@dataclass(frozen=True, slots=True)
class Taken:
    """The claim, none if nothing can start, and the queue of one more step that may be able to."""

    claim: Claim | None = None
    next_queue: str | None = None


class NextTurn:
    """Takes steps out of lanes without a lock, for one worker process. Thread-safe."""

    def __init__(self, database: Database, schedule: Schedule, versions: Versions) -> None:
        self._database = database
        self._schedule = schedule
        self._versions = versions
        #: Places where others were faster: there it is better to wait for the locks.
        self._contended = Recently()

    def claim(self, place: str) -> Taken | None:
        """Start the step whose turn it is at a place; ``None`` where that needs locks, and then nothing is written."""
        if not self._database.is_postgresql:
            return None
        try:
            return self._claim(place)
        except self._database.integrity_error:
            self._contended.note(place, now_ms=self._database.now_ms())
        except (DefinitionError, LookupError):
            return None
        try:
            return self._claim(place)
        except (self._database.integrity_error, DefinitionError, LookupError):
            return None

    def _claim(self, place: str) -> Taken | None:
        with self._database.statement("dequeue") as tx:
            turn = turns.look(tx, place)
            if turn is None:
                return Taken()
            if not self._contended.has(place, now_ms=tx.now_ms):
                return self._take(tx, turn, place)
        with self._database.transaction("dequeue") as tx:
            # SAFETY: I18 I19 — what is looked at now has not changed when it is taken.
            lane = turn.lane
            keys = [*map(slot_state, lane.ceilings), throttle_state(lane)]
            flowstates.lock(tx, [key for key in keys if key is not None])
            turn = turns.look(tx, place)
            return Taken() if turn is None else self._take(tx, turn, place)

    def _take(self, tx: Transaction, turn: Turn, place: str) -> Taken | None:
        lane = turn.lane
        tx.read_clock()  # what starts here starts after what has given its slots back
        if not (turn.is_plain and self._schedule.serves(lane.queue)):
            return None
        throttle, rate = throttle_state(lane), None if lane.throttle is None else rate_of(lane.throttle)
        seen = Seen() if throttle is None else flowstates.read(tx, [throttle])[throttle]
        ceilings = [Ceiling(group, limit) for group, limit in lane.ceilings.items()]
        verdict = dequeue(rate, seen.state, ceilings, turn.held, now_ms=tx.now_ms)
        if not isinstance(verdict, Go):
            return None
        # SAFETY: I18 I19 — taken only if nobody has held the locks of these groups, or used the throttle, since.
        keys: dict[StateKey, tuple[int | None, int | None]] = {
            slot_state(group): (stamp, None) for group, stamp in turn.stamps.items()
        }
        arrival_us, until_ms = verdict.throttle_arrival_us, None
        if throttle is not None and arrival_us is not None:
            keys[throttle] = (seen.stamp, arrival_us)
            follows = dequeue(rate, arrival_us, (), {}, now_ms=tx.now_ms)
            until_ms = follows.next_at_ms if isinstance(follows, TooEarly) else None
        expires_at_ms = None if arrival_us is None else arrival_us // 1_000 + 1
        states = [
            flowstates.guarded_row(tx, key, stamp, state, expires_at_ms=expires_at_ms)
            for key, (stamp, state) in sorted(keys.items())
        ]
        return self._start(tx, turn, states, until_ms, place)

    def _start(
        self, tx: Transaction, turn: Turn, states: list[tuple[Any, ...]], until_ms: int | None, place: str
    ) -> Taken | None:
        started_at_ms = turn.run.started_at_ms or tx.now_ms
        run = replace(
            turn.run, revision=turn.run.revision + 1, status=RunStatus.RUNNING, started_at_ms=started_at_ms
        )  # fmt: skip
        facts = journal.load(tx, run.id) if turn.has_facts else []
        position = place_run(tx, run, turn.event, facts, self._versions)
        if may_be_cancelled(position):
            return None
        attempt = Fact(FactKind.ATTEMPT, turn.step_key, attempt=1, worker=self._schedule.worker, at_ms=tx.now_ms)
        lease = turns.take(
            tx, turn, attempt, states=states, held=_slots(turn), lease_ms=self._schedule.lease_ms, until_ms=until_ms
        )
        position.memos.absorb([attempt])
        return Taken(Claim(position, lease), _next_queue(turn, place, is_held=until_ms is not None))


def _slots(turn: Turn) -> list[tuple[Any, ...]]:
    """Return the rows of the slots that a step takes with it."""
    flow, run = flow_of(turn.run), turn.run
    if flow is None:
        return []
    rows = [(ceiling.group, run.id, turn.step_key, turn.token + 1) for ceiling in flow.while_at(turn.step_key)]
    return rows if run.started_at_ms is not None else rows + slots.run_rows(run.id, [each.group for each in flow.runs])


def _next_queue(turn: Turn, place: str, *, is_held: bool) -> str | None:
    """Return the queue of one more step that may be able to start at a place after the one whose turn it was."""
    full = {group for group, limit in turn.lane.ceilings.items() if turn.held[group] + 1 >= limit}
    if place in full:
        return None
    return turn.lane.queue if turn.has_more and not full and not is_held else turn.other_queue
