"""What waits for somebody to work: the due steps of each queue, events not matched yet, lanes, and how late hints are.

It is counted over all tenants, and no further than ``COUNTED``: a look at a long backlog must not be one more load.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.store import events, steps, timers
from workflowkit.store.statements import Sql
from workflowkit.store.transactions import Transaction

#: Most rows of each kind that are looked at.
COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """The steps of a queue that a worker could take now. ``oldest_at_ms`` is since when the first of them waits."""

    queue: str
    due_count: int
    oldest_at_ms: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in an installation. Counts stop at ``COUNTED``.

    ``late_since_ms`` is since when the relay should have hinted the first thing that it has not hinted yet, ``None``
    if it is up to date.
    """

    queues: tuple[QueueDepth, ...]
    event_count: int
    lane_count: int
    queued_count: int
    late_since_ms: int | None


# A step that is due at once does not say since when: it became ready with the last fact of its run. What is due is
# hinted again and again, so ``wake_at_ms`` is at most one grace ahead, and its index finds it.
_DUE = Sql(
    """
    SELECT queue, count(*), min(ready_at_ms) FROM (
        SELECT s.queue, CASE WHEN s.due_at_ms > 0 THEN s.due_at_ms ELSE coalesce(
            (SELECT j.at_ms FROM journal j WHERE j.run_id = s.run_id ORDER BY j.revision DESC, j.ordinal DESC LIMIT 1),
            (SELECT r.created_at_ms FROM runs r WHERE r.id = s.run_id), :now_ms
        ) END AS ready_at_ms
        FROM steps s WHERE s.wake_at_ms <= :horizon_ms AND s.due_at_ms <= :now_ms
        LIMIT :limit
    ) AS due GROUP BY queue ORDER BY queue
    """
)
_EVENTS = Sql("SELECT count(*) FROM (SELECT id FROM pending_events LIMIT :limit) AS pending")
_LANES = Sql("SELECT count(*) FROM (SELECT id FROM lanes WHERE parent IS NOT NULL LIMIT :limit) AS waiting")
_QUEUED = Sql("SELECT count(*) FROM (SELECT run_id FROM queued_steps LIMIT :limit) AS queued")
_LATE = Sql(
    f"""
    SELECT min(at_ms) FROM (
        SELECT ({steps.WAKES_AT_MS}) AS at_ms
        UNION ALL SELECT ({events.WAKES_AT_MS})
        UNION ALL SELECT ({timers.DUE_AT_MS})
    ) AS hints WHERE at_ms <= :now_ms
    """  # noqa: S608 - from our own code
)


def look(tx: Transaction, *, grace_ms: int) -> Backlog:
    """Return what waits now. ``grace_ms`` is how far the relay puts a hint off that it repeats."""
    due = tx.rows(_DUE, horizon_ms=tx.now_ms + grace_ms, now_ms=tx.now_ms, limit=COUNTED)
    late = tx.one(_LATE, now_ms=tx.now_ms)
    return Backlog(
        queues=tuple(QueueDepth(row[0], row[1], row[2]) for row in due),
        event_count=tx.one(_EVENTS, limit=COUNTED)[0],
        lane_count=tx.one(_LANES, limit=COUNTED)[0],
        queued_count=tx.one(_QUEUED, limit=COUNTED)[0],
        late_since_ms=late[0],
    )
