"""The steps whose turn it is where steps wait for a limit, started by one call of a function. PostgreSQL only.

The function (``workflowkit_next_turns``, of the migrations) locks what it decides by, decides, and writes, so that the
locks of a limit are held for no round trip.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Protocol

from workflowkit.base import jsonvalue
from workflowkit.engine.channels import run_channel
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.store import events, flowstates, journal, runs, steps
from workflowkit.store.events import EventRecord
from workflowkit.store.lanes import Lane, QueuedStep
from workflowkit.store.runs import RunRecord
from workflowkit.store.slots import Wanted
from workflowkit.store.statements import Sql
from workflowkit.store.steps import Lease
from workflowkit.store.transactions import Transaction


class Rest(StrEnum):
    """What is left at a place after a call.

    ``NOTHING``: nothing can start there. ``MORE``: one more step may, which was not asked for. ``AGAIN``: another lane
    may be able to start. ``LONG``: the step whose turn it is needs more than this.
    """

    NOTHING = ""
    MORE = "more"
    AGAIN = "again"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Turn:
    """A step that has just been started: its lease, its run as it is now, the run's event, and what is on record of it.

    ``started_at_ms`` is when the attempt began.
    """

    lease: Lease
    started_at_ms: int
    run: RunRecord
    event: EventRecord
    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Turns:
    """The steps that have started, in their order, what is left at the place, and the queue of that."""

    started: Sequence[Turn]
    rest: Rest
    queue: str


_START = Sql(
    """
    SELECT verdict, step_key, token, at_ms, queue, facts, run, event
    FROM workflowkit_next_turns(:place, :most, :now_ms, :own)
    """
)


def version_name(workflow_id: str, version: int) -> str:
    """Return how ``start_next`` is told of a version that the worker can read."""
    return f"{workflow_id}@{version}"


class Worker(Protocol):
    """Who starts steps: its name, the queues it serves, and how long its leases last."""

    @property
    def worker(self) -> str: ...
    @property
    def queues(self) -> Collection[str]: ...
    @property
    def lease_ms(self) -> int: ...


def start_next(tx: Transaction, place: str, own: Worker, *, most: int, known: Collection[str]) -> Turns:
    """Start the steps whose turn it is at a place: leases, slots and throttle are taken, the attempts on record.

    Only of runs whose version is one of the ``known`` ones. Locks the groups, the throttle, the runs, then lanes. Run
    as the only statement of a transaction. Raises ``ValueUnreadable``.
    """
    values = {
        "queues": list(own.queues), "known": list(known), "attempt": _attempt_of(own.worker), "lease_ms": own.lease_ms,
        "parked": steps.PARKED, "stamp": flowstates.first_stamp(tx), "lock_ends_at_ms": flowstates.lock_ends_at_ms(tx),
        # The server adds how long it has waited for the locks, unless a test says what time it is.
        "is_told": not tx.is_server_time,
    }  # fmt: skip
    rows = tx.rows(_START, place=place, most=most, now_ms=tx.now_ms, own=jsonvalue.dumps(values))
    started = [turn_of(tx, (*row[1:4], *row[5:]), own.lease_ms) for row in rows if row[0] == "taken"]
    if not rows or rows[-1][0] == "taken":
        return Turns(started, Rest.NOTHING, "")
    return Turns(started, Rest(rows[-1][0]), rows[-1][4])


def begin(
    tx: Transaction, lane: Lane, step: QueuedStep, wanted: Wanted, own: Worker, *, wake_at_ms: int
) -> str:  # fmt: skip
    """Return what ``workflowkit_begin_turn`` is told to start a step of a run which the same statement begins.

    It answers with when the attempt began, ``None`` if the step has joined its lane, to wait for its turn; and whether
    a limit is all but reached. The statement has entered the groups of slots that are ``wanted``.
    """
    tx.changed.add(run_channel(step.run_id))
    scope = lane.scope
    values = {
        "run_id": step.run_id, "step_key": step.step_key, "score_ms": step.score_ms, "sequence": step.sequence,
        "lane_id": lane.id, "environment": scope.environment, "tenant": scope.tenant, "parent": lane.parent,
        "queue": lane.queue, "wake_at_ms": wake_at_ms, "slot_groups": list(wanted.ceilings),
        "ceilings": list(wanted.ceilings.values()), "groups": wanted.groups, "run_groups": wanted.run_groups,
        "lane_throttle": None if lane.throttle is None else jsonvalue.dumps(lane.throttle),
        "throttle": wanted.throttle, "rules": wanted.own_rules(), "attempt": _attempt_of(own.worker),
        "lease_ms": own.lease_ms, "parked": steps.PARKED, "line": step.line, "head_start_ms": step.head_start_ms,
    }  # fmt: skip
    return jsonvalue.dumps(values)


def handing_over(tx: Transaction, run: RunRecord, lane: Lane, own: Worker) -> str:
    """Return what the function ``workflowkit_hand_over`` is told of a run that ends, and of the lane of its first step.

    It lets the step that is next in that lane have the slots, and starts it, if that is plain and of the same version.
    """
    under = sorted(lane.ceilings.items())
    values = {
        "lane_id": lane.id, "parent": lane.parent, "groups": [group for group, _ in under],
        "ceilings": [ceiling for _, ceiling in under], "workflow_id": run.workflow_id, "version": run.version,
        "attempt": _attempt_of(own.worker), "lease_ms": own.lease_ms, "parked": steps.PARKED, "now_ms": tx.now_ms,
        "is_told": not tx.is_server_time,
    }  # fmt: skip
    return jsonvalue.dumps(values)


@cache
def _attempt_of(worker: str) -> str | None:
    data: str | None
    ((*_, data, _at_ms),) = journal.rows_of("", 0, [Fact(FactKind.ATTEMPT, "", attempt=1, worker=worker)])
    return data


def turn_of(tx: Transaction, row: Sequence[Any], lease_ms: int) -> Turn:
    """Return the step that a function has started, of which it said this."""
    step_key, token, at_ms, facts, run, event = row
    record = runs.from_row(_values(run, runs.COLUMNS))
    tx.changed.add(run_channel(record.id))
    return Turn(
        Lease(record.id, step_key, 1, token, at_ms + lease_ms), at_ms, record,
        events.from_row(_values(event, events.COLUMNS)),
        [journal.from_row(tx, record.id, fact) for fact in jsonvalue.loads(facts or "[]")],
    )  # fmt: skip


def _values(text: str, columns: Sequence[str]) -> list[Any]:
    row = jsonvalue.loads(text)
    return [row[name] for name in columns]
