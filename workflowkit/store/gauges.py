"""How things stand in an installation at one moment, over all tenants, in numbers that are small or found by an index.

What waits is counted to the last row here, unlike ``store.backlog``, which is asked more often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workflowkit.store import backlog, slots
from workflowkit.store.statements import Sql
from workflowkit.store.transactions import Transaction

#: Most limits at which somebody waits that are looked at.
LIMITS_SEEN: Final = 1_000

# Those of frozen runs are not woken, and so not among them.
_STEPS = Sql(
    """
    SELECT s.queue, CASE
        WHEN s.due_at_ms <= :now_ms THEN 'due'
        WHEN s.status = 'ready' AND s.attempt > 0 THEN 'retrying'
        WHEN s.status = 'ready' THEN 'scheduled'
        ELSE s.status END, count(*)
    FROM steps s WHERE s.wake_at_ms IS NOT NULL GROUP BY 1, 2
    """
)
_LIMITED = Sql(
    """
    SELECT coalesce(l.queue, ''), count(*) FROM queued_steps q JOIN lanes l ON l.id = q.lane_id GROUP BY 1
    """
)
_EVENTS = Sql("SELECT count(*), min(e.received_at_ms) FROM pending_events p JOIN events e ON e.id = p.id")
_WORKERS = Sql(
    """
    SELECT role, CASE WHEN seen_at_ms >= :seen_from_ms THEN 'alive' ELSE 'silent' END, count(*),
        CAST(sum(concurrency) AS bigint), CAST(sum(busy_count) AS bigint)
    FROM workers GROUP BY 1, 2
    """
)
_LIMITS = Sql(
    f"""
    SELECT g.slot_group, g.ceiling, (SELECT count(*) FROM slots s WHERE s.slot_group = g.slot_group AND {slots.HELD})
    FROM (
        SELECT l.slot_group, min(l.ceiling) AS ceiling FROM lane_groups l
        WHERE (
            SELECT q.run_id FROM queued_steps q WHERE q.lane_id = l.lane_id ORDER BY q.score_ms, q.sequence LIMIT 1
        ) IS NOT NULL
        GROUP BY l.slot_group ORDER BY l.slot_group LIMIT :most
    ) g
    """  # noqa: S608 - our own text
)
_ALERTS = Sql("SELECT count(*) FROM alert_rules WHERE enabled AND state = 'firing'")


@dataclass(frozen=True, slots=True)
class StepCount:
    """How many open steps of a queue are alike. ``state`` is ``due`` (a worker could take it), ``running``,
    ``sleeping``, ``waiting``, ``retrying`` (it has failed, and its next attempt is later), ``scheduled`` (its first one
    is later) or ``limited`` (it waits for a limit)."""

    queue: str
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class WorkerCount:
    """How many processes with a role are alive or silent, how many steps they take at a time, and how many they
    hold."""

    role: str
    state: str
    count: int
    concurrency: int
    busy_count: int


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits at which steps wait: how many, and how many of them are reached; their slots, and those taken."""

    waited_for: int
    reached: int
    slots: int
    taken: int


@dataclass(frozen=True, slots=True)
class Gauges:
    """How things stood at ``now_ms``."""

    now_ms: int
    steps: tuple[StepCount, ...]
    #: Since when the first step waits that a worker could take, by queue.
    due_since_ms: dict[str, int]
    pending_events: int
    pending_since_ms: int | None
    #: Since when the relay should have hinted what it has not; ``None`` if it is up to date.
    late_since_ms: int | None
    workers: tuple[WorkerCount, ...]
    limits: Limits
    alerts_firing: int


def look(tx: Transaction, *, grace_ms: int, silent_ms: int) -> Gauges:
    """Return how things stand. ``grace_ms`` is that of ``backlog.look``; processes are silent after ``silent_ms``."""
    now_ms = tx.now_ms
    waiting = backlog.look(tx, grace_ms=grace_ms)
    steps = [StepCount(*row) for row in tx.rows(_STEPS, now_ms=now_ms)]
    steps += [StepCount(queue, "limited", count) for queue, count in tx.rows(_LIMITED)]
    pending = tx.one(_EVENTS)
    return Gauges(
        now_ms, tuple(steps), {each.queue: each.oldest_at_ms for each in waiting.queues}, pending[0], pending[1],
        waiting.late_since_ms, tuple(WorkerCount(*row) for row in tx.rows(_WORKERS, seen_from_ms=now_ms - silent_ms)),
        _limits(tx), tx.one(_ALERTS)[0],
    )  # fmt: skip


def _limits(tx: Transaction) -> Limits:
    found = [(ceiling, taken) for _, ceiling, taken in tx.rows(_LIMITS, most=LIMITS_SEEN, now_ms=tx.now_ms)]
    reached = sum(taken >= ceiling for ceiling, taken in found)
    return Limits(len(found), reached, sum(each for each, _ in found), sum(taken for _, taken in found))
