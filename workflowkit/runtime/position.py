"""Where one worker stands in one run, and how a decision about it is written down.

A ``Position`` is the run's progress as of a revision. It is thrown away whenever its transaction fails.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial
from typing import Any

from workflowkit.base.scope import Scope
from workflowkit.base.sealing import Sealing, hide
from workflowkit.base.settings import DEFAULT_QUEUE
from workflowkit.definition.model import Workflow
from workflowkit.engine.again import Kept
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.memo import Memos
from workflowkit.engine.planner import Decision, begin
from workflowkit.engine.progress import Progress
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.engine.surroundings import NO_SURROUNDINGS, Surroundings
from workflowkit.registry import Registry
from workflowkit.runtime.actionlimits import with_action_limits
from workflowkit.runtime.hints import StepHint, place_hint
from workflowkit.runtime.runflow import RunFlow, lane_of, limited_flow_of, queued
from workflowkit.runtime.versions import Versions
from workflowkit.runtime.watches import Watches, watches_of
from workflowkit.store import (
    collections,
    decisions,
    events,
    flowstates,
    journal,
    lanes,
    runs,
    slots,
    steps,
    timers,
    waits,
)
from workflowkit.store.events import EventRecord
from workflowkit.store.lanes import Lane, QueuedStep
from workflowkit.store.runs import RunRecord
from workflowkit.store.statements import Part, fits_one_statement
from workflowkit.store.steps import Lease, StepRow
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction
from workflowkit.store.waits import WaitRow

_NOTHING_KEPT = Kept()
_HOST = platform.node()


@dataclass(slots=True)
class Position:
    """A run as its worker knows it. ``run.revision`` is the last revision whose facts ``progress`` has absorbed.

    It is stale while a transaction is deciding with it: if that fails, the progress is ahead of the database.
    """

    run: RunRecord
    workflow: Workflow
    event: dict[str, Any]
    progress: Progress
    memos: Memos = field(default_factory=Memos)
    is_stale: bool = False
    around: Surroundings = NO_SURROUNDINGS
    events: tuple[dict[str, Any], ...] = ()
    """The events of a batch; empty for a run that has only the one."""
    others_wait: bool = False
    """Whether others may wait for the limits that it is under: it has waited itself, or they have begun with it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run one attempt of one step now.

    With ``begun`` it has been looked at only, and nobody else is kept from it: its lease and these facts, the attempt
    and the ends of its waits, come to be with the record of its success.
    """

    position: Position
    lease: Lease
    begun: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Opening:
    """A step that may be claimed. ``position`` is the run's, if whoever opened the step still has it at hand."""

    hint: StepHint
    position: Position | None = None


class Entry(Enum):
    """How a step that a limit may keep from starting comes to its slots.

    It may ``HAVE`` them, so that it can be claimed; ``TAKE`` them when it is claimed; or ``QUEUE``.
    """

    HAVE = auto()
    TAKE = auto()
    QUEUE = auto()


#: Tells how a step enters that would wait at this place of this lane, and whether it could be this worker's own.
Enters = Callable[[Lane, QueuedStep, bool], Entry]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How this worker schedules steps: which queue a kind runs on, which queues it serves, how long its leases last.

    ``on_skip`` hears of nodes that runs pass by, once that is committed. ``sealing`` is what values are encrypted with.
    ``named`` is what histories call it, if not by its process.
    """

    registry: Registry
    queues: frozenset[str]
    lease_ms: int
    grace_ms: int
    on_skip: Callable[[RunRecord, Workflow, Fact], None] | None = None
    sealing: Sealing | None = None
    named: str | None = None

    @property
    def worker(self) -> str:
        """What it is called in histories; asked for each time, as a process may be forked."""
        return self.named or f"{_HOST}:{os.getpid()}"

    def queue_of(self, workflow: Workflow, node_id: str) -> str:
        """Return the queue on which a node runs; a kind nobody registered fails on the default queue."""
        spec = self.registry.executable(workflow.nodes[node_id].kind)
        return DEFAULT_QUEUE if spec is None else spec.queue

    def serves(self, queue: str) -> bool:
        return queue in self.queues


@dataclass(frozen=True, slots=True)
class Written:
    """What a decision came to: the step this worker goes on with, and the hints to send after the commit."""

    claimed: Lease | None
    hints: tuple[StepHint, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What followed from a result: this worker's next step, other steps that opened, events that wait to be matched.

    ``sent_ids`` are those of the events that the step itself sent.
    """

    next_claim: Claim | None = None
    openings: tuple[Opening, ...] = ()
    event_ids: tuple[str, ...] = ()
    sent_ids: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        position: Position,
        claimed: Lease | None,
        written: Written,
        sent_ids: tuple[str, ...] = (),
        ended_hints: Sequence[StepHint] = (),
        ended_ids: tuple[str, ...] = (),
    ) -> Recorded:
        """Return what followed from the result of a step, and from the end of its run with it."""
        openings = [Opening(hint, position) for hint in written.hints] + [Opening(hint) for hint in ended_hints]
        return cls(
            None if claimed is None else Claim(position, claimed), tuple(openings), sent_ids + ended_ids, sent_ids
        )


@dataclass(slots=True)
class Batch:
    """Rows of one transaction, collected so that each table is written by one statement."""

    matched_events: list[tuple[str]] = field(default_factory=list)
    decisions: list[tuple[Any, ...]] = field(default_factory=list)
    runs: list[RunRecord] = field(default_factory=list)
    steps: list[StepRow] = field(default_factory=list)
    journal: list[tuple[Any, ...]] = field(default_factory=list)
    waits: list[WaitRow] = field(default_factory=list)
    timers: list[TimerRow] = field(default_factory=list)
    lookups: list[tuple[Scope, str, str]] = field(default_factory=list)
    followers: list[Callable[[], None]] = field(default_factory=list)
    """What is to be called once the rows are committed."""
    states: list[tuple[Any, ...]] = field(default_factory=list)
    """Rows of flow control that are as they were read, or else nothing is written (``flowstates.GUARDED``)."""
    slots: list[tuple[Any, ...]] = field(default_factory=list)
    lanes: dict[str, Lane] = field(default_factory=dict)
    queued: list[QueuedStep] = field(default_factory=list)
    #: When the relay looks at a lane that is opened here.
    wake_at_ms: int = 0

    def extend(self, other: Batch) -> None:
        """Take in the rows of another batch."""
        self.matched_events += other.matched_events
        self.decisions += other.decisions
        self.runs += other.runs
        self.steps += other.steps
        self.journal += other.journal
        self.waits += other.waits
        self.timers += other.timers
        self.lookups += other.lookups
        self.followers += other.followers
        self.states += other.states
        self.slots += other.slots
        self.lanes |= other.lanes
        self.queued += other.queued
        self.wake_at_ms = max(self.wake_at_ms, other.wake_at_ms)

    def park(self, lane: Lane, place: QueuedStep, *, wake_at_ms: int) -> None:
        """Add a step that waits in a lane; the relay looks at that, if it is new, at ``wake_at_ms``."""
        self.lanes[lane.id] = lane
        self.queued.append(place)
        self.wake_at_ms = wake_at_ms
        self.steps.append(StepRow(place.run_id, place.step_key, lane.queue, StepStatus.READY, steps.PARKED, None))

    def watch(self, watches: Watches) -> None:
        """Add what watches over a new run."""
        self.waits += watches.waits
        self.timers += watches.timers
        self.lookups += watches.lookups

    def write(self, tx: Transaction) -> None:
        """Write everything that was collected."""
        for lookup in sorted(set(self.lookups), key=lambda each: (each[0].environment, each[0].tenant, *each[1:])):
            waits.note_path(tx, *lookup)
        tx.insert_all(*self._parts())
        journal.note_changes(tx, self.journal)
        tx.followers += self.followers

    def begin_turn(self, tx: Transaction, turn: str, entering: Sequence[Any]) -> tuple[int | None, bool]:
        """Write everything that was collected in one statement, and begin a further step (``turns.begin``).

        Its groups of slots are entered before what is there already is locked. PostgreSQL only.
        """
        parts = self._parts([entering])
        at_ms, is_near = tx.insert_then(
            parts, "workflowkit_begin_turn", turn,
            "".join(f", (SELECT {each} FROM {slots.ENTER.name})" for each in ("room", "at_ms", "arrival_us")),  # noqa: S608
        )  # fmt: skip
        journal.note_changes(tx, self.journal)
        tx.followers += self.followers
        return at_ms, is_near

    def is_one_statement(self) -> bool:
        """Tell whether ``write`` needs no transaction around it."""
        return not self.lookups and fits_one_statement(*self._parts())

    def _parts(self, entering: Sequence[Sequence[Any]] = ()) -> Sequence[Part]:
        return (
            (events.DELETE_PENDING, self.matched_events),
            (decisions.INSERT, self.decisions),
            (runs.INSERT, [runs.row_of(run) for run in self.runs]),
            (steps.INSERT, [steps.row_of(step) for step in self.steps]),
            (journal.INSERT, self.journal),
            (waits.INSERT, [waits.row_of(row) for row in self.waits]),
            (timers.INSERT, [timers.row_of(row) for row in self.timers]),
            (slots.ENTER, entering),
            (flowstates.GUARDED, sorted(self.states, key=flowstates.turn_to_lock)),
            (slots.INSERT, self.slots),
            # Locked last, here and everywhere.
            *lanes.joining(self.lanes.values(), self.queued, wake_at_ms=self.wake_at_ms),
        )


#: The kind of the timer after which what follows the end of a run begins; its ``subject`` is the run.
ENDED_TIMER = "run.ended"


def add_decision(
    batch: Batch,
    run: RunRecord,
    workflow: Workflow,
    decision: Decision,
    schedule: Schedule,
    *,
    now_ms: int,
    claim: bool,
    extra_facts: Sequence[Fact] = (),
    due_at_ms: int | None = None,
    enters: Enters | None = None,
) -> Written:
    """Add the rows of a decision to ``batch``; with ``claim`` the first ready step this worker serves becomes its own.
    Steps that are due at ``due_at_ms`` only are neither claimed nor hinted. Those that a limit may keep from starting
    join a lane, which is hinted in their place, unless ``enters`` says otherwise.

    A claimed step is inserted as running with its first attempt on record, so its action may start after the commit.
    """
    facts = [*extra_facts, *decision.facts]
    claimed: Lease | None = None
    hints: list[StepHint] = []
    flow = limited_flow_of(run)
    for node_id in decision.ready:
        queue = schedule.queue_of(workflow, node_id)
        may_claim = claim and claimed is None and schedule.serves(queue)
        if (later := _for_later(run, node_id, queue, due_at_ms)) is not None:
            batch.steps.append(later)
            continue
        place = _place_in_line(run, flow, queue, node_id)
        entry = Entry.HAVE if place is None else Entry.QUEUE if enters is None else enters(*place, may_claim)
        if place is not None and entry is Entry.QUEUE:
            batch.park(*place, wake_at_ms=now_ms + schedule.grace_ms)
            hints += [hint for hint in (place_hint(place[0].place, queue),) if hint not in hints]
        elif may_claim and entry is Entry.HAVE:
            claimed = Lease(run.id, node_id, attempt=1, token=1, ends_at_ms=now_ms + schedule.lease_ms)
            # SAFETY: I5 — the attempt is on record before its action starts.
            facts.append(attempt_fact(claimed, schedule.worker, now_ms))
            batch.steps.append(_running_row(claimed, queue))
        else:
            wake_at_ms = now_ms + schedule.grace_ms
            batch.steps.append(StepRow(run.id, node_id, queue, StepStatus.READY, steps.AT_ONCE, wake_at_ms))
            hints.append(StepHint(run.id, node_id, queue))
    batch.journal.extend(journal.rows_of(run.id, run.revision, facts))
    if schedule.on_skip is not None and len(decision.facts) > 1:
        skipped = (fact for fact in decision.facts if fact.kind is FactKind.SKIPPED)
        batch.followers += [partial(schedule.on_skip, run, workflow, fact) for fact in skipped]
    return Written(claimed, tuple(hints))


def _for_later(run: RunRecord, node_id: str, queue: str, due_at_ms: int | None) -> StepRow | None:
    """Return the row of a step that nobody may claim yet."""
    if run.paused_at_ms is not None:
        # SAFETY: I11 — a frozen run starts no step; who thaws it sees to these too.
        return StepRow(run.id, node_id, queue, StepStatus.READY, due_at_ms or steps.AT_ONCE, None)
    if due_at_ms is None:
        return None
    return StepRow(
        run.id, node_id, queue, StepStatus.READY, due_at_ms, None if due_at_ms == steps.NEVER else due_at_ms
    )  # fmt: skip


def _place_in_line(
    run: RunRecord, flow: RunFlow | None, queue: str, node_id: str
) -> tuple[Lane, QueuedStep] | None:  # fmt: skip
    """Return where a step would wait for a limit, ``None`` if it is under none."""
    if flow is None or not flow.holds_up(node_id, has_started=run.started_at_ms is not None):
        return None
    lane = lane_of(run, flow, queue, node_id)
    return lane, queued(run, flow, lane, node_id)


def start_run(
    batch: Batch,
    run: RunRecord,
    workflow: Workflow,
    event: dict[str, Any],
    schedule: Schedule,
    *,
    now_ms: int,
    claim: bool,
    due_at_ms: int | None = None,
    queued_at_ms: int | None = None,
    around: Surroundings = NO_SURROUNDINGS,
    kept: Kept = _NOTHING_KEPT,
    together: tuple[dict[str, Any], ...] = (),
    enters: Enters | None = None,
) -> tuple[Claim | None, list[Opening]]:
    """Add a new run with its first steps to ``batch``; with ``claim`` its first step is this worker's own.

    With ``due_at_ms`` in the future its steps start then, and it is ``scheduled`` meanwhile. ``queued_at_ms`` is its
    place in line where nothing but its actions has limits. ``around`` is what a part
    of a document sees, ``kept`` what it takes over from an earlier run, ``together`` are the events of a batch. Under
    limits a step is claimed only where ``enters`` says that it has slots, which are the caller's to take.
    """
    due_at_ms = due_at_ms if due_at_ms is not None and due_at_ms > now_ms else None
    around = around.with_events(together)
    run = with_action_limits(run, workflow, schedule.registry, queued_at_ms=queued_at_ms)
    progress, decision = begin(workflow, event, now_ms, around, kept.results)
    written = add_decision(
        batch, run, workflow, decision, schedule,
        now_ms=now_ms, claim=claim, due_at_ms=due_at_ms, extra_facts=kept.memo, enters=enters,
    )  # fmt: skip
    if due_at_ms is not None:
        run = replace(run, status=RunStatus.SCHEDULED)
    if written.claimed is not None:
        run = replace(run, status=RunStatus.RUNNING, started_at_ms=now_ms)
    if decision.finish is not None:
        finish = decision.finish
        run = replace(run, status=finish.status, output=finish.output, error=finish.error, finished_at_ms=now_ms)
    batch.runs.append(run)
    if not run.status.is_terminal:
        batch.watch(watches_of(run, workflow, hide(schedule.sealing, event), now_ms))
    elif run.status is RunStatus.FAILED and has_handler(run, workflow):
        # Nobody who begins a run expects another one to follow from it: that is for later.
        batch.timers.append(TimerRow(f"{ENDED_TIMER}:{run.id}", ENDED_TIMER, run.scope, run.id, now_ms))
    position = Position(run, workflow, event, progress, around=around, events=together)
    claimed = None if written.claimed is None else Claim(position, written.claimed)
    return claimed, [Opening(hint, position) for hint in written.hints]


def has_handler(run: RunRecord, workflow: Workflow) -> bool:
    """Tell whether something follows the failure of a run that has done nothing."""
    return run.path is None and (workflow.on_failure is not None or workflow.settings.on_failure_workflow is not None)


def cancels(decision: Decision) -> bool:
    """Tell whether a decision cancels steps."""
    return any(fact.kind is FactKind.CANCELLED for fact in decision.facts)


def may_be_cancelled(position: Position) -> bool:
    """Tell whether the run listens for events that cancel it."""
    return bool(position.workflow.settings.cancel_on)


def is_all_known(position: Position) -> bool:
    """Tell whether nothing but the run's own rows, and slots, have to be looked at before a step of it starts."""
    return not (position.is_stale or may_be_cancelled(position))


def is_cancelled(tx: Transaction, position: Position) -> bool:
    """Tell whether an event has come that cancels a run, whose end then follows by a timer."""
    return may_be_cancelled(position) and waits.was_cancelled(tx, position.run.id)


def attempt_fact(lease: Lease, worker: str, now_ms: int) -> Fact:
    """Return the fact that an attempt was claimed."""
    return Fact(FactKind.ATTEMPT, lease.step_key, attempt=lease.attempt, worker=worker, at_ms=now_ms)


def load(tx: Transaction, run: RunRecord, versions: Versions) -> tuple[Position, list[Fact]]:
    """Return the position of a locked run and the facts it was made of.

    Raises ``EventGone``; ``ValueUnreadable`` where something is encrypted with a key that is not here; and what
    ``Versions`` raises.
    """
    facts = journal.load(tx, run.id)
    return place(tx, run, events.load(tx, run.event_id), facts, versions), facts


def place(
    tx: Transaction, run: RunRecord, record: EventRecord, facts: Sequence[Fact], versions: Versions
) -> Position:  # fmt: skip
    """Return the position of a run whose event and facts are known. Raises what ``load`` raises."""
    workflow = versions.load_run(tx, run)
    event = events.opened(tx, record).as_json()
    together = events_of(tx, run)
    around = versions.around(tx, run).with_events(together)
    progress = Progress.replay(workflow, event, facts, around)
    return Position(run, workflow, event, progress, Memos(facts), around=around, events=together)


def events_of(tx: Transaction, run: RunRecord) -> tuple[dict[str, Any], ...]:
    """Return the events of the batch that started a run; none if it was a single event. Raises ``EventGone``."""
    collection_id = None if run.flow is None else run.flow.get("collection")
    if collection_id is None:
        return ()
    return tuple(events.opened(tx, each).as_json() for each in collections.load_events(tx, collection_id))


def refresh(tx: Transaction, position: Position, locked: RunRecord) -> None:
    """Bring a position up to the locked run: absorb what other workers recorded since."""
    if position.is_stale:
        facts = journal.load(tx, locked.id)
        position.progress = Progress.replay(position.workflow, position.event, facts, position.around)
        position.memos.replay(facts)
    elif locked.revision > position.run.revision + 1:
        facts = journal.load(tx, locked.id, after_revision=position.run.revision)
        position.progress.absorb(facts)
        position.memos.absorb(facts)
    position.run = locked


def _running_row(lease: Lease, queue: str) -> StepRow:
    ends_at_ms = lease.ends_at_ms
    return StepRow(lease.run_id, lease.step_key, queue, StepStatus.RUNNING, ends_at_ms, ends_at_ms, attempt=1, token=1)


#: Picks 0 to 1: the jitter of retries. A parameter so that tests decide.
Jitter = Callable[[], float]
