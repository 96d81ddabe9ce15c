"""A long queue behind a limit, and the starting of what is in it, one run after the other.

A run of it is made as all are; the others are copies of its rows, for making 100,000 would take longer than what is
measured. They are started by the transactions of a worker, without executing anything.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from typing import Any

import psycopg

from bench.ours.app import HELD, HELD_QUEUE, behind_a_limit, event_name, held, wk
from workflowkit import WorkflowKit
from workflowkit.engine.outcome import Succeeded
from workflowkit.runtime.hints import StepHint, place_hint
from workflowkit.runtime.position import Claim, Opening

_LIMIT = 10
_WAIT_SECONDS = 60
#: Longer than a measurement: nobody renews these leases.
_LEASE_SECONDS = 3_600.0
#: One row copied many times, with numbers at the ends of its ids.
_COPY = """
    INSERT INTO {table} SELECT copy.* FROM {table} one, generate_series(1, %(copies)s::int) n,
        LATERAL jsonb_populate_record(one, jsonb_build_object({changes})) copy
    WHERE one.{key} = %(id)s
"""
_ID = "'{name}', one.{name} || '-' || n"
_COPIES = (
    _COPY.format(table="events", changes=_ID.format(name="id"), key="id"),
    _COPY.format(table="runs", changes=f"{_ID.format(name='id')}, {_ID.format(name='event_id')}", key="id"),
    _COPY.format(table="journal", changes=_ID.format(name="run_id"), key="run_id"),
    _COPY.format(table="steps", changes=_ID.format(name="run_id"), key="run_id"),
    _COPY.format(
        table="queued_steps",
        changes=f"{_ID.format(name='run_id')}, 'score_ms', one.score_ms + n, {_ID.format(name='sequence')}",
        key="run_id",
    ),
)
_LENGTH = "SELECT count(*) FROM queued_steps"
_BEGUN = "SELECT id FROM runs WHERE event_id = %(id)s"
_QUEUED = "SELECT id FROM runs JOIN queued_steps ON run_id = id WHERE event_id = %(id)s"


class LongQueue:
    """The queue, and a worker's runtime that takes from it; no other process serves it."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        settings = replace(wk.settings, queues=(HELD_QUEUE,), lease_seconds=_LEASE_SECONDS)
        self._wk = WorkflowKit("bench", settings=settings)
        self._wk.action(HELD, queue=HELD_QUEUE)(held)
        self._advance = self._wk.runtime.worker.advance
        self._held: deque[Claim] = deque()
        self._place = ""

    def fill(self, runs: int) -> None:
        """Let so many runs queue behind ten that hold the slots."""
        while len(self._held) < _LIMIT:
            _, claim = self._begin()
            if claim is not None:
                self._held.append(claim)
        event_id, _ = self._begin()
        self._place = self._one("SELECT slot_group FROM lane_groups")
        run_id = self._one(_QUEUED, id=event_id)
        copies = runs - self._one(_LENGTH)
        for statement, id_ in zip(_COPIES, (event_id, *[run_id] * 4), strict=True):
            self._connection.execute(statement.encode(), {"copies": copies, "id": id_})
        self._connection.execute("ANALYZE events, runs, steps, queued_steps")

    def start(self, runs: int) -> list[float]:
        """Record a result, and start the next run with the slot, so many times; return the milliseconds of each."""
        return [self._pass_on() for _ in range(runs)]

    def stop(self) -> None:
        self._wk.stop()

    def _pass_on(self) -> float:
        started = time.perf_counter()
        claim = self._advance.record(self._held.popleft(), Succeeded(1), retries=0, hand_over=True).next_claim
        self._take() if claim is None else self._held.append(claim)
        return 1000 * (time.perf_counter() - started)

    def _take(self) -> None:
        claim, _ = self._advance.claim(Opening(place_hint(self._place, HELD_QUEUE)))
        if claim is None:
            raise RuntimeError("nothing could be started")
        self._held.append(claim)

    def _begin(self) -> tuple[str, Claim | None]:
        """Send an event and let its run start or queue; return the event's id, and what has started."""
        event_id = wk.send({"name": event_name(behind_a_limit()), "data": {}})[0].id
        deadline = time.monotonic() + _WAIT_SECONDS
        while (run_id := self._one(_BEGUN, id=event_id)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError("the run does not begin")
            time.sleep(0.02)
        return event_id, self._advance.claim(Opening(StepHint(run_id, "step", HELD_QUEUE)))[0]

    def _one(self, sql: str, **parameters: Any) -> Any:
        row = self._connection.execute(sql.encode(), parameters).fetchone()
        return None if row is None else row[0]
