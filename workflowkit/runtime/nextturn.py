"""The steps whose turn it is under a limit, started in one statement. PostgreSQL only.

Threads of a process that are at the same place at the same moment do not wait for each other's locks in the database:
one of them starts as many steps as there are threads, and hands them out.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from workflowkit.base import forks
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.runtime.position import Claim, Position, Schedule, may_be_cancelled
from workflowkit.runtime.position import place as place_run
from workflowkit.runtime.versions import Versions
from workflowkit.store import turns
from workflowkit.store.database import Database
from workflowkit.store.transactions import Transaction
from workflowkit.store.turns import Rest, Turn, version_name

#: How often a place is looked at again at once, where another lane may be able to start.
TRIES = 5
#: Most places that are remembered, and most versions of each; then those are forgotten.
KNOWN_PLACES, KNOWN_VERSIONS = 1_000, 50


@dataclass(slots=True)
class Taken:
    """The claim, none if nothing can start, and the queue of one more step that may be able to.

    ``is_long``: the step whose turn it is has to be started in another way. ``error`` is why there is no claim.
    """

    claim: Claim | None = None
    next_queue: str | None = None
    is_long: bool = False
    error: Exception | None = None


@dataclass(slots=True)
class _Visit:
    """One thread at a place, and what it gets there."""

    taken: Taken | None = None


@dataclass(slots=True)
class _Desk:
    """Where the threads of a process meet that are at one place: who is served, and who waits to be."""

    serving: threading.Lock = field(default_factory=threading.Lock)
    waiting: list[_Visit] = field(default_factory=list)
    #: The versions that this process has read for steps of the place: a run of one can be placed after it has started.
    known: set[str] = field(default_factory=set)


class NextTurn:
    """Takes steps out of lanes, for one worker process. Thread-safe."""

    def __init__(self, database: Database, schedule: Schedule, versions: Versions) -> None:
        self._database = database
        self._schedule = schedule
        self._versions = versions
        self._begin()
        forks.register(self._begin)

    def _begin(self) -> None:
        self._desks: dict[str, _Desk] = {}
        self._lock = threading.Lock()

    def claim(self, place: str) -> Taken:
        """Start the step whose turn it is at a place, if that can be done in one statement.

        Raises ``ValueUnreadable``: the step is left to whoever claims it when its lease has ended.
        """
        if not self._database.is_postgresql:
            return Taken(is_long=True)
        visit = _Visit()
        with self._lock:
            desk = self._desk(place)
            desk.waiting.append(visit)
        with desk.serving:
            if visit.taken is None:
                self._serve(place, desk)
        assert visit.taken is not None  # noqa: S101 - whoever was serving has seen to it
        if visit.taken.error is not None:
            raise visit.taken.error
        return visit.taken

    def learn(self, place: str, position: Position) -> None:
        """Remember that this process can read what a run of a place executes."""
        if may_be_cancelled(position) or not self._database.is_postgresql:
            return  # that is looked at before a step of it starts
        with self._lock:
            known = self._desk(place).known
            if len(known) >= KNOWN_VERSIONS:
                known.clear()
            known.add(version_name(position.run.workflow_id, position.run.version))

    def _desk(self, place: str) -> _Desk:
        if place not in self._desks and len(self._desks) >= KNOWN_PLACES:
            # Whoever is at one of them has it in hand; at worst two threads meet in the database.
            self._desks.clear()
        return self._desks.setdefault(place, _Desk())

    def _serve(self, place: str, desk: _Desk) -> None:
        """Serve all who wait: they came before this, so one look does for all of them."""
        with self._lock:
            visits, desk.waiting = desk.waiting, []
            known = tuple(desk.known)
        try:
            results = self._start(place, len(visits), known)
        except Exception as error:
            results = [Taken(error=error)] * len(visits)
        for visit, taken in zip(visits, results, strict=True):
            visit.taken = taken

    def _start(self, place: str, most: int, known: Sequence[str]) -> list[Taken]:
        """Start at most so many steps; return that many answers."""
        claims: list[Taken] = []
        for _ in range(TRIES):
            with self._database.statement("dequeue") as tx:
                found = turns.start_next(tx, place, self._schedule, most=most - len(claims), known=known)
                claims += [self.place(tx, turn) for turn in found.started]
            if found.rest is not Rest.AGAIN or len(claims) == most:
                break
        rest = [Taken(is_long=found.rest in (Rest.LONG, Rest.AGAIN)), *(Taken() for _ in range(most))]
        if claims and found.rest is not Rest.NOTHING:
            claims[-1].next_queue = found.queue
        return (claims + rest)[:most]

    def place(self, tx: Transaction, turn: Turn) -> Taken:
        """Return the claim of a step that a function in the database has started, or why there is none."""
        try:
            position = place_run(tx, turn.run, turn.event, turn.facts, self._versions)
        except Exception as error:
            return Taken(error=error)
        worker, lease = self._schedule.worker, turn.lease
        attempt = Fact(FactKind.ATTEMPT, lease.step_key, attempt=1, worker=worker, at_ms=turn.started_at_ms)
        position.memos.absorb([attempt])
        position.others_wait = True
        return Taken(Claim(position, lease))
