"""What becomes of events that matched workflows with flow control: ``flow.admission`` on the rows of the store.

Everything here joins a transaction. The states of the keys are locked first, all rows are written at the end; so
whatever is decided is decided once, and a crash leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from workflowkit.base.ids import derived_id, started_run_id
from workflowkit.base.jsonvalue import size_bytes
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.definition.model import Workflow
from workflowkit.definition.settings.flow import FlowControl, SingletonMode
from workflowkit.flow import singleton
from workflowkit.flow.admission import admit, admit_start
from workflowkit.flow.decision import Admission, Batched, Case, Delayed, Rows, Skip, SkipReason, Start, Wait
from workflowkit.flow.keys import freeze_keys, holds
from workflowkit.flow.priority import priority_seconds
from workflowkit.flow.singleton import Lock
from workflowkit.runtime import lockqueue
from workflowkit.runtime.firstturn import FirstTurn
from workflowkit.runtime.flowstate import SINGLETON, Place, States, lock_of, lock_state
from workflowkit.runtime.position import Schedule
from workflowkit.runtime.queuelimits import QueueLimits
from workflowkit.runtime.recently import Recently
from workflowkit.runtime.repeated import controls_of, run_id_of
from workflowkit.runtime.runflow import flow_of, singleton_key
from workflowkit.runtime.starting import (
    Begun,
    Candidate,
    drop_waiting,
    find_room,
    frozen,
    make_way,
    skip,
    start,
)
from workflowkit.runtime.versions import Versions
from workflowkit.store import collections, events, pauses, timers
from workflowkit.store.collections import CollectionRecord
from workflowkit.store.events import EventRecord
from workflowkit.store.flowstates import StateKey
from workflowkit.store.pauses import Hold, Running
from workflowkit.store.runs import RunRecord
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction

#: The kinds of the timers that end a window and a batch; their ``subject`` is the collection.
DEBOUNCE_TIMER, BATCH_TIMER = "flow.debounce", "flow.batch"


class Admitting:
    """Decides about events and begins the runs that may start. Thread-safe."""

    def __init__(self, versions: Versions, schedule: Schedule, limits: Limits) -> None:
        self._versions = versions
        self._schedule = schedule
        self._limits = limits
        self._queues = QueueLimits(schedule, limits)
        #: Limits under which nothing could start at once: there it is better to queue without a look.
        self._crowded = Recently()

    def candidate(
        self, record: EventRecord, workflow_id: str, version: int, workflow: Workflow, *, run_id: str | None = None
    ) -> Candidate:
        """Return an event with the keys that it has for a workflow's controls; the run's id mostly follows from it."""
        flow = controls_of(record, workflow.settings.flow)
        place = Place(record.scope, workflow_id, flow, freeze_keys(flow, record.as_json(), limits=self._limits))
        return Candidate(record, version, workflow, place, run_id or run_id_of(record, workflow_id, flow))

    def is_backlog_full(
        self, tx: Transaction, record: EventRecord, workflow_id: str, version: int, workflow: Workflow
    ) -> bool:
        """Tell whether too many runs of a workflow without flow control wait for one of its actions."""
        if not self._queues.may_wait(workflow):
            return False
        return self._queues.is_full(tx, self.candidate(record, workflow_id, version, workflow))

    def admit(
        self,
        tx: Transaction,
        candidates: Sequence[Candidate],
        *,
        may_claim: bool,
        is_locked: bool,
    ) -> Begun:
        """Decide about events that have just matched, in their order.

        With ``may_claim`` the first step of one of the runs may be this worker's own. The caller writes the batch. If
        not ``is_locked``, states are only read, and the batch fails as a whole if they change meanwhile; raises
        ``NotLocked`` where that will not do.
        """
        states, begun = States(tx, is_locked), Begun(self._crowded, may_claim=may_claim, turns=not is_locked)
        if any(each.place.needs_locks for each in candidates):
            states.require_locks()
        if may_claim:
            begun.room = find_room(states, candidates, self._crowded)
        states.lock(key for each in candidates for key in each.place.arrival_keys())
        states.lock(key for each in candidates for key in _singletons(states, each.place))
        for candidate in candidates:
            self._admit(states, candidate, begun)
        states.write(begun.batch)
        return begun

    def note(self, tx: Transaction, first: FirstTurn) -> None:
        """Remember for a moment what has turned out as a step was to start at once."""
        if first.is_near:
            self._crowded.note(first.lane.crowd, now_ms=tx.now_ms)

    def close(self, tx: Transaction, collection: CollectionRecord) -> tuple[Begun, int | None]:
        """End a window or a batch whose timer has fired; return what that began, or when it is over instead."""
        begun = Begun(self._crowded)
        states = States(tx)
        scope, workflow_id = collection.scope, collection.workflow_id
        key = StateKey(scope.environment, scope.tenant, workflow_id, collection.kind, collection.key)
        states.lock([key])
        state = states.get(key)
        if state is None or state["id"] != collection.id:
            return begun, None  # it has started already
        over_at_ms = state["fire_at_ms"] if collection.kind == "debounce" else state["start_at_ms"]
        if over_at_ms > tx.now_ms:
            return begun, over_at_ms
        states.put(key, None)
        candidate = self._collected(tx, collection, state.get("event_id"))
        states.lock([candidate.place.singleton])
        self._start_collected(states, candidate, begun)
        states.write(begun.batch)
        return begun, None

    def leave(self, tx: Transaction, run: RunRecord) -> Begun:
        """Give the lock of a singleton's run back that has just ended, and begin the one that waits for that."""
        begun, flow = Begun(self._crowded), flow_of(run)
        if flow is None or flow.singleton is None:
            return begun
        scope, states = run.scope, States(tx)
        key = StateKey(scope.environment, scope.tenant, run.workflow_id, SINGLETON, flow.singleton)
        states.lock([key])
        if run.rerun_of is not None:
            lockqueue.forget(tx, run.id)
        self._leave(states, key, scope, run.id, begun)
        states.write(begun.batch)
        return begun

    def take_turn(self, tx: Transaction, run: RunRecord | None, timer: TimerRow) -> Begun | bool:
        """Look whether the lock is the run's that waits for it to be run again; the caller holds that run's lock.

        Returns what has begun instead, if the run is over; else whether it may begin.
        """
        key, states, begun = lockqueue.key_of(timer), States(tx), Begun(self._crowded)
        states.lock([key])
        if run is None or run.status.is_terminal:
            self._leave(states, key, timer.scope, timer.subject, begun)
            states.write(begun.batch)
            return begun
        lock = lock_of(states.get(key))
        may_begin = lockqueue.enter(states, key, run.id) if lock is None or lock.holder != run.id else True
        states.write(begun.batch)
        return may_begin

    def admit_invoked(self, tx: Transaction, record: EventRecord, run: RunRecord, workflow: Workflow) -> Skip | Begun:
        """Decide about ``run``, which another run invokes: it starts now or not at all.

        Returns why it does not; or as ``batch`` of what was begun the end of runs that have to make way. An invoked run
        is in no batch and no window, and waits for no singleton.
        """
        candidate = self.candidate(record, run.workflow_id, run.version, workflow, run_id=run.id)
        flow = _only_now(candidate.place.flow)
        candidate = replace(candidate, place=replace(candidate.place, flow=flow))
        states, begun, place = States(tx), Begun(self._crowded), candidate.place
        states.lock(place.arrival_keys())
        states.lock([place.singleton])
        case = self._case(tx, candidate)
        admission = admit(flow, case, states.rows(place), now_ms=tx.now_ms, limits=self._limits)
        decision = admission.decision
        if isinstance(decision, Skip):
            return decision
        if isinstance(decision, Start):
            states.put_rates(place, admission.rows)
            self._put_lock(states, candidate, admission.rows.lock, decision.superseded, begun)
            make_way(tx, run, decision.cancelled, begun)
            states.write(begun.batch)
            begun.flow = frozen(candidate, decision.score_ms, decision.head_start_ms)
        return begun

    def _admit(self, states: States, candidate: Candidate, begun: Begun) -> None:
        place, now_ms, first_id = candidate.place, states.tx.now_ms, candidate.record.duplicate_of
        if first_id is not None and (_is_in_batch(states, candidate) or _is_waiting(states, candidate)):
            skip(states, candidate, begun, SkipReason.DUPLICATE.value, other_id=first_id)
            return
        case = self._case(states.tx, candidate)
        admission = admit(place.flow, case, states.rows(place), now_ms=now_ms, limits=self._limits)
        decision = admission.decision
        if isinstance(decision, Batched):
            self._batch(states, candidate, decision, admission.rows, begun)
            return
        states.put_rates(place, admission.rows)
        if isinstance(decision, Delayed):
            self._delay(states, candidate, decision, admission.rows, begun)
        else:
            self._apply(states, candidate, admission, begun)

    def _apply(self, states: States, candidate: Candidate, admission: Admission, begun: Begun) -> None:
        """Do what was decided about a run that could start."""
        decision, lock = admission.decision, admission.rows.lock
        if isinstance(decision, Skip):
            self._put_lock(states, candidate, lock, None, begun)
            skip(states, candidate, begun, decision.reason.value, detail=decision.detail, other_id=decision.by)
        elif isinstance(decision, Wait):
            collection = candidate.collection or _open(states.tx, candidate, SINGLETON)
            self._put_lock(states, candidate, lock, decision.superseded, begun, waits=collection.id)
        elif isinstance(decision, Start):
            self._put_lock(states, candidate, lock, decision.superseded, begun)
            key = candidate.place.singleton
            if not start(states, candidate, decision, self._schedule, begun) and key is not None:
                self._leave(states, key, candidate.record.scope, candidate.run_id, begun)

    def _batch(
        self, states: States, candidate: Candidate, decision: Batched, rows: Rows, begun: Begun
    ) -> None:  # fmt: skip
        key = candidate.place.key("batch")
        before = states.get(key)
        if before is None or decision.closed is not None:
            collection = _open(states.tx, candidate, "batch", key.key)
            collection_id, ordinal = collection.id, 0
            if rows.batch is not None:
                _plan(states.tx, collection, BATCH_TIMER, rows.batch.start_at_ms)
        else:
            collection_id, ordinal = before["id"], before["events"]
            collections.add(states.tx, collection_id, candidate.record.id, candidate.place.workflow_id, ordinal)
        state = None if rows.batch is None else {"id": collection_id, **asdict(rows.batch)}
        states.put(key, state)
        if decision.closed is not None:
            self._end(states, candidate.record.scope, before["id"], None, begun)
        if decision.is_complete:
            self._end(states, candidate.record.scope, collection_id, None, begun)

    def _delay(
        self, states: States, candidate: Candidate, decision: Delayed, rows: Rows, begun: Begun
    ) -> None:  # fmt: skip
        key, window = candidate.place.key("debounce"), rows.window
        assert window is not None  # noqa: S101 - an event that is delayed is in a window
        before = states.get(key)
        singleton_text = singleton_key(candidate.place.flow, candidate.place.keys)
        if before is None or decision.fired is not None:
            collection = _open(states.tx, candidate, "debounce", key.key)
            collection_id = collection.id
            _plan(states.tx, collection, DEBOUNCE_TIMER, window.fire_at_ms)
        else:
            collection_id = before["id"]
            collections.add(
                states.tx, collection_id, candidate.record.id, candidate.place.workflow_id, before["events"]
            )
            if window.event_id != candidate.record.id:
                singleton_text = before["singleton"]
        states.put(key, {"id": collection_id, "singleton": singleton_text, **asdict(window)})
        if decision.fired is not None:
            self._end(states, candidate.record.scope, before["id"], decision.fired.event_id, begun)

    def _end(
        self, states: States, scope: Scope, collection_id: str, event_id: str | None, begun: Begun
    ) -> None:  # fmt: skip
        """Begin the run of a batch or a window that is over, if it may start."""
        collection = collections.find_open(states.tx, scope, collection_id)
        if collection is not None:
            self._start_collected(states, self._collected(states.tx, collection, event_id), begun)

    def _start_collected(self, states: States, candidate: Candidate, begun: Begun) -> None:
        place, now_ms = candidate.place, states.tx.now_ms
        # What was collected was accepted before a pause or drain. So it is like a run that is there already: a drain
        # lets it come to its end, and a pause freezes it, or does away with it.
        holds = pauses.holds_of(states.tx, candidate.record.scope, place.workflow_id)
        paused = pauses.pauses_of(states.tx, candidate.record.scope, place.workflow_id) if Hold.PAUSE in holds else ()
        candidate = replace(candidate, is_frozen=Hold.PAUSE in holds)
        case = replace(
            self._case(states.tx, candidate), is_archived=Hold.ARCHIVE in holds, is_disabled=Hold.DISABLE in holds,
            is_paused=Running.CANCEL in paused,
        )  # fmt: skip
        lock = lock_of(states.get(place.singleton))
        admission = admit_start(place.flow, case, Rows(lock=lock), now_ms=now_ms, limits=self._limits)
        self._apply(states, candidate, admission, begun)

    def _collected(self, tx: Transaction, collection: CollectionRecord, event_id: str | None) -> Candidate:
        """Return the case of a collection: its first event's, or that of the event ``event_id`` in it."""
        workflow = self._versions.load(tx, collection.scope, collection.workflow_id, collection.version)
        records = [events.opened(tx, each) for each in collections.load_events(tx, collection.id)]
        record = next((each for each in records if each.id == event_id), records[0])
        members = tuple(each.as_json() for each in records) if collection.kind == "batch" else ()
        candidate = self.candidate(record, collection.workflow_id, collection.version, workflow)
        return replace(candidate, collection=collection, members=members)

    def _put_lock(
        self, states: States, candidate: Candidate, lock: Lock | None, superseded: str | None, begun: Begun, *,
        waits: str | None = None,
    ) -> None:  # fmt: skip
        """Store the lock of a singleton; ``waits`` is the collection of the run that is next from now on."""
        key = candidate.place.singleton
        if key is None:
            return
        state = states.get(key)
        if state is not None and state["next_up"] is not None:
            states.require_locks()  # somebody waits, from before the mode was changed
        if superseded is not None and state is not None:
            drop_waiting(states, candidate, state["waits"], begun)
        elif state is not None and lock is not None and lock.next_up == state["next_up"]:
            waits = state["waits"]
        states.put_lock(key, lock, waits=waits)

    def _leave(self, states: States, key: StateKey, scope: Scope, ended_id: str, begun: Begun) -> None:
        """Take a run out of a singleton's lock, and begin the one that waits if it was the holder."""
        states.require_locks()
        state = states.get(key)
        lock = lock_of(state)
        left = singleton.leave(lock, ended_id)
        if lock is None or left == lock:
            return
        if lock.holder == ended_id and state.get("again"):
            again_id = lockqueue.next_of(states.tx, key, but=ended_id)
            if again_id is not None:
                states.put_lock(key, Lock(again_id, lock.next_up), waits=state["waits"])
                lockqueue.call(states.tx, key, scope, again_id)
                return
            states.put(key, lock_state(lock, waits=state["waits"]))
        is_next = left is not None and left.holder != lock.holder
        states.put_lock(key, left, waits=None if is_next else state["waits"])
        if is_next:
            collection = collections.find_open(states.tx, scope, state["waits"])
            if collection is None:
                states.put_lock(key, None)
            else:
                ids = collections.event_ids(states.tx, collection.id)
                event_id = next(
                    (each for each in ids if started_run_id(each, collection.workflow_id) == lock.next_up), None
                )
                self._start_collected(states, self._collected(states.tx, collection, event_id), begun)

    def _case(self, tx: Transaction, candidate: Candidate) -> Case:
        """Return the case that an event and the state of its workflow make."""
        record, place = candidate.record, candidate.place
        event, rule = record.as_json(), place.flow.batch
        return Case(
            event_id=record.id,
            run_id=candidate.run_id,
            event_ts_ms=record.ts_ms,
            size_bytes=0 if rule is None else size_bytes(event),
            start_at_ms=None if candidate.members else record.starts_at_ms,
            received_at_ms=record.received_at_ms if candidate.collection is None else None,
            priority_seconds=priority_seconds(place.flow, event, now_ms=tx.now_ms, limits=self._limits),
            takes_batch=rule is not None and holds(rule.condition, event, now_ms=tx.now_ms, limits=self._limits),
            keys=place.keys,
            is_backlog_full=self._queues.is_full(tx, candidate),
        )


def _is_in_batch(states: States, candidate: Candidate) -> bool:
    """Tell whether the batch that is open has an event with the same sender's id."""
    if candidate.place.flow.batch is None:
        return False
    state = states.get(candidate.place.key("batch"))
    is_open = state is not None and state["start_at_ms"] > states.tx.now_ms
    return is_open and collections.has_sender_id(states.tx, state["id"], candidate.record)


def _is_waiting(states: States, candidate: Candidate) -> bool:
    """Tell whether the run that a candidate would become waits already for the end of a singleton's."""
    state = states.get(candidate.place.singleton)
    return state is not None and state["next_up"] == candidate.run_id


def _only_now(flow: FlowControl) -> FlowControl:
    rule = flow.singleton
    if rule is not None and rule.mode is SingletonMode.QUEUE_LATEST:
        rule = replace(rule, mode=SingletonMode.SKIP)
    return replace(flow, batch=None, debounce=None, singleton=rule)


def _singletons(states: States, place: Place) -> Iterator[StateKey | None]:
    """Yield the keys of the locks that may be entered: the event's own, and that of a window that may be over."""
    yield place.singleton
    if place.flow.debounce is not None:
        window = states.get(place.key("debounce"))
        if window is not None:
            yield place.singleton_of(window["singleton"])


def _open(tx: Transaction, candidate: Candidate, kind: str, key: str = "") -> CollectionRecord:
    """Open a collection with an event in it."""
    record, workflow_id = candidate.record, candidate.place.workflow_id
    collection = CollectionRecord(
        derived_id(record.id, workflow_id, kind), record.scope, workflow_id, candidate.version, kind, key, tx.now_ms
    )  # fmt: skip
    collections.insert(tx, collection)
    collections.add(tx, collection.id, record.id, workflow_id, 0)
    return collection


def _plan(tx: Transaction, collection: CollectionRecord, kind: str, due_at_ms: int) -> None:
    timers.plan(tx, [TimerRow(f"{kind}:{collection.id}", kind, collection.scope, collection.id, due_at_ms)])
