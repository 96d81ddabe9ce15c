"""Tenants take turns before matching as well: what waits there behind another's events is matched ahead of them.

Hints stand in a queue in the order in which they were sent, so a tenant that sends thousands of events at once would
keep everybody's from being looked at until its own are through, and all threads may be busy with steps meanwhile. So
each process that works looks now and then, in a thread that runs no steps, whether events of several tenants wait, and
lets a few of each overtake the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workflowkit.base.ids import first_id
from workflowkit.store import events
from workflowkit.store.database import Database

#: How long an event may wait to be matched before it counts as waiting behind others.
LATE_MS = 250
#: How many of the newest events that wait are looked at. Whoever has none among them has waited when they came.
LOOKED_AT = 2_000
#: How many events of a tenant overtake at a time, and of all of them together.
EVENTS_PER_TENANT, EVENTS_AT_ONCE = 8, 256
#: How many are matched in one transaction.
EVENTS_PER_MATCH = 32


class Overtaking:
    """``overtake`` matches events, and sees to it that their runs begin soon."""

    def __init__(
        self, database: Database, overtake: Callable[[Sequence[str]], object], *, grace_seconds: float
    ) -> None:
        self._database = database
        self._overtake = overtake
        self._grace_ms = int(grace_seconds * 1000)

    def look(self) -> int:
        """Match what waits behind others, some of each tenant; return how many events that was.

        SAFETY: I23 — whoever has waited longest is among them, and first: all threads may be busy with others' steps.
        """
        with self._database.read() as tx:
            late = events.Late(before_id=first_id(tx.now_ms - LATE_MS), hinted_until_ms=tx.now_ms + self._grace_ms)
            oldest = events.longest_waiting(tx, late, limit=EVENTS_PER_TENANT)
            if oldest is None:
                return 0
            first, event_ids = oldest
            behind = events.waiting_behind(
                tx, late, first, newest=LOOKED_AT, each=EVENTS_PER_TENANT, limit=EVENTS_AT_ONCE
            )
        if not behind:
            return 0  # nobody waits for anybody else
        event_ids += behind
        for start in range(0, len(event_ids), EVENTS_PER_MATCH):
            self._overtake(event_ids[start : start + EVENTS_PER_MATCH])
        return len(event_ids)
