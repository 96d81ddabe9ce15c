"""Runs that flow control lets start, and what that does to others: cancelled, dropped, or next in line.

Joins the transaction that has locked the states concerned.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from workflowkit.base.errors import WorkflowKitError
from workflowkit.definition.model import Workflow
from workflowkit.engine.states import RunStatus
from workflowkit.flow.concurrency import Ceiling, Owner, blocked_by
from workflowkit.flow.decision import SkipReason, Start
from workflowkit.flow.dequeue import Go, dequeue
from workflowkit.runtime.cause import REPLACED, Cause, cancel_timer
from workflowkit.runtime.firstturn import FirstTurn
from workflowkit.runtime.flowstate import Place, States
from workflowkit.runtime.position import Batch, Claim, Entry, Opening, Schedule, start_run
from workflowkit.runtime.recently import Recently
from workflowkit.runtime.runflow import RunFlow, freeze, stored_flow, throttle_state
from workflowkit.store import collections, decisions, lanes, slots
from workflowkit.store.collections import CollectionRecord
from workflowkit.store.decisions import DecisionRecord
from workflowkit.store.events import EventRecord
from workflowkit.store.flowstates import StateKey
from workflowkit.store.lanes import Lane, QueuedStep
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction

_log = logging.getLogger(__name__)

#: The version cannot be read by this code, or a condition on a trigger edge met a limit.
START_FAILED = "start-failed"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event that matched a workflow, with its keys. ``members`` are the events of its batch.

    A run that ``is_frozen`` begins when the pause is lifted.
    """

    record: EventRecord
    version: int
    workflow: Workflow
    place: Place
    run_id: str
    collection: CollectionRecord | None = None
    members: tuple[dict[str, Any], ...] = ()
    is_frozen: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """Groups of which a slot can be had, and the throttle, if any, for a run to start."""

    groups: Collection[str]
    throttle: StateKey | None


@dataclass(slots=True)
class Begun:
    """What a transaction has begun: rows to write, a first step for this worker, openings, runs that ended at once.

    ``flow`` is that of a run which somebody else is to begin, ``room`` where its first run under limits may start.
    ``first`` is a step that queues and may start as it is written, if there are ``turns``. ``crowded`` are limits under
    which it has turned out a moment ago that few slots are left.
    """

    crowded: Recently
    batch: Batch = field(default_factory=Batch)
    may_claim: bool = False
    turns: bool = False
    claim: Claim | None = None
    openings: list[Opening] = field(default_factory=list)
    ended: list[tuple[RunRecord, dict[str, Any]]] = field(default_factory=list)
    flow: RunFlow | None = None
    room: Room | None = None
    first: FirstTurn | None = None

    def is_near(self, lane: Lane, now_ms: int) -> bool:
        """Tell whether few slots may be left of what the steps of a lane are under."""
        return not slots.may_be_plenty(lane.ceilings, lane.throttle) or self.crowded.has(lane.crowd, now_ms=now_ms)


def start(states: States, candidate: Candidate, decision: Start, schedule: Schedule, begun: Begun) -> bool:
    """Begin a run that was admitted; tell whether it could be, and is not at its end already."""
    tx, record, place, collection = states.tx, candidate.record, candidate.place, candidate.collection
    flow = frozen(candidate, decision.score_ms, decision.head_start_ms)
    run = RunRecord(
        id=candidate.run_id, scope=record.scope, workflow_id=place.workflow_id, version=candidate.version,
        event_id=record.id, status=RunStatus.QUEUED, revision=0, created_at_ms=tx.now_ms, depth=record.depth,
        flow=stored_flow(flow), paused_at_ms=tx.now_ms if candidate.is_frozen else None,
    )  # fmt: skip
    own = Batch()
    is_held_back = candidate.is_frozen or bool(candidate.workflow.settings.cancel_on)
    may_claim = begun.may_claim and begun.claim is None and not is_held_back
    try:
        claim, openings = start_run(
            own, run, candidate.workflow, record.as_json(), schedule, now_ms=tx.now_ms, claim=may_claim,
            due_at_ms=decision.at_ms, together=candidate.members,
            enters=partial(_enter, states, own, flow, begun),
        )  # fmt: skip
    except WorkflowKitError as error:
        skip(states, candidate, begun, START_FAILED, detail=error.message)
        return False
    except Exception as error:
        # A fault of ours: it must stop this run only, not the events of others that came with it.
        _log.exception("workflow %s could not be started by event %s", place.workflow_id, record.id)
        skip(states, candidate, begun, START_FAILED, detail=type(error).__name__)
        return False
    begun.batch.extend(own)
    begun.claim = begun.claim or claim
    if begun.turns and may_claim and claim is None and begun.first is None:
        begun.first = FirstTurn.of(own, openings, schedule)
        if begun.first is not None:
            begun.first.is_near = begun.is_near(begun.first.lane, tx.now_ms)
    begun.openings += [opening for opening in openings if opening not in begun.openings]
    make_way(tx, run, decision.cancelled, begun)
    if collection is not None:
        _close(states, collection, run.id)
    if own.runs[0].status.is_terminal:
        begun.ended.append((own.runs[0], record.as_json()))
        return False
    return True


def find_room(states: States, candidates: Sequence[Candidate], crowded: Recently) -> Room | None:
    """Return the slots in which the first run under limits may start at once; ``None`` if it has to queue for them.

    Called before other states are locked. Where somebody waits for them, or they are full, nobody looks again for a
    moment, as ``crowded`` remembers. On PostgreSQL that is found out in the statement that writes them.
    """
    tx = states.tx
    if tx.is_postgresql:
        return None
    limited = (each for each in candidates if each.place.flow.concurrency or each.place.flow.throttle is not None)
    candidate = next(limited, None)
    if candidate is None or candidate.place.needs_locks:
        return None
    ceilings = frozen(candidate, 0).under("", has_started=False)
    throttle = None if candidate.place.flow.throttle is None else candidate.place.key("throttle")
    if throttle is not None and ceilings:
        return None  # lanes of other limits may wait for the same throttle
    if crowded.has(ceilings, now_ms=tx.now_ms):
        return None
    groups = _survey(tx, ceilings)
    if groups is None:
        crowded.note(ceilings, now_ms=tx.now_ms)
        return None
    return Room(groups, throttle)


def _survey(tx: Transaction, ceilings: Sequence[Ceiling]) -> Collection[str] | None:
    """Return how the groups of slots stand, ``None`` if one is full or somebody waits for it."""
    groups = slots.survey(tx, _groups(ceilings)) if ceilings else {}
    held = {name: group.held for name, group in groups.items()}
    is_closed = blocked_by(ceilings, held) or any(group.is_waited_for for group in groups.values())
    return None if is_closed else groups.keys()


def _enter(
    states: States, own: Batch, flow: RunFlow, begun: Begun, lane: Lane, place: QueuedStep, may_claim: bool
) -> Entry:  # fmt: skip
    """Tell how a first step of a new run enters: all at once, unless it is better to queue."""
    tx = states.tx
    if tx.is_postgresql:
        # One of them waits for its turn in the statement that begins its run.
        is_for_turn = begun.turns and may_claim and begun.first is None and not own.queued
        has_to_queue = is_for_turn or begun.is_near(lane, tx.now_ms)
        return Entry.QUEUE if has_to_queue else Entry.TAKE
    has_slots = may_claim and _take_at_once(states, own, flow, begun, lane, place)
    return Entry.HAVE if has_slots else Entry.QUEUE


def _take_at_once(
    states: States, own: Batch, flow: RunFlow, begun: Begun, lane: Lane, place: QueuedStep
) -> bool:  # fmt: skip
    """Take what the first step of a new run needs to start without queueing; tell whether that could be had.

    Only where nobody waits for any of it, here or in the store.
    """
    tx, room = states.tx, begun.room
    begun.room = None  # whoever comes later may come after one that queues
    throttle = throttle_state(lane)
    if room is None or room.throttle != throttle or room.groups != lane.ceilings.keys():
        return False
    if throttle is not None and flow.throttle is not None:
        if lanes.any_before(tx, lane, place):
            return False
        states.lock([throttle])
        verdict = dequeue(flow.throttle[0], states.get(throttle), (), {}, now_ms=tx.now_ms)
        if not isinstance(verdict, Go) or verdict.throttle_arrival_us is None:
            return False
        states.put(throttle, verdict.throttle_arrival_us, expires_at_ms=verdict.throttle_arrival_us // 1_000 + 1)
    # SAFETY: I18 I19 — of SQLite there is one writer at a time.
    own.slots += slots.first_rows(place.run_id, place.step_key, _groups(flow.steps), _groups(flow.runs))
    return True


def _groups(ceilings: Sequence[Ceiling]) -> list[str]:
    return [ceiling.group for ceiling in ceilings]


def frozen(candidate: Candidate, score_ms: int, head_start_ms: int | None = None) -> RunFlow:
    """Return the flow control of the run that a candidate becomes."""
    place, record, collection = candidate.place, candidate.record, candidate.collection
    return freeze(
        place.flow, place.keys, Owner(record.scope, place.workflow_id), score_ms=score_ms, sequence=record.id,
        collection=collection.id if collection is not None and candidate.members else None,
        head_start_ms=head_start_ms,
    )  # fmt: skip


def make_way(tx: Transaction, run: RunRecord, cancelled: str | None, begun: Begun) -> None:
    """Plan the end of the run whose place a new one takes. By a timer: its lock is not for us to take here."""
    if cancelled is not None:
        cause = Cause(REPLACED, run_id=run.id)
        begun.batch.timers.append(cancel_timer(run.scope, cancelled, cause, due_at_ms=tx.now_ms))


def skip(
    states: States, candidate: Candidate, begun: Begun, reason: str, *, detail: str = "", other_id: str | None = None
) -> None:
    """Put on record why an event, or a collection of them, starts no run."""
    collection = candidate.collection
    if collection is not None and collection.kind != "singleton":
        collections.close(states.tx, collection.id, reason=reason)
        return
    if collection is not None:
        collections.delete(states.tx, collection.id)
    decided = DecisionRecord(
        candidate.record.id, candidate.place.workflow_id, reason, detail or None, states.tx.now_ms, other_id
    )  # fmt: skip
    begun.batch.decisions.append(decisions.row_of(candidate.record.scope, decided))


def drop_waiting(states: States, candidate: Candidate, collection_id: str | None, begun: Begun) -> None:
    """Put on record that what waited for a singleton never starts, for ``candidate`` has taken its place."""
    if collection_id is None:
        return
    collection = collections.find_open(states.tx, candidate.record.scope, collection_id)
    if collection is None:
        return
    for record in _standing_for(states, collection):
        dropped = replace(candidate, record=record, collection=collection)
        # The event, and not its run, of which there is none if a later one takes its place as well.
        skip(states, dropped, begun, SkipReason.SUPERSEDED.value, other_id=candidate.record.id)


def _standing_for(states: States, collection: CollectionRecord) -> Sequence[EventRecord]:
    return collections.load_events(states.tx, collection.id)[:1]


def _close(states: States, collection: CollectionRecord, started_run_id: str) -> None:
    if collection.kind == "singleton":
        collections.delete(states.tx, collection.id)  # from now on the run accounts for the event
    else:
        collections.close(states.tx, collection.id, run_id=started_run_id)
