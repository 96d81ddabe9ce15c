"""Lanes: the order in which steps that wait for a limit start. ``flow.fairness`` says what that order is.

A lane holds the queued steps of one tenant and workflow that are under the same limits and on the same queue. Lanes are
locked after everything else in a transaction, a tenant's before those in it, and in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.store.database import InsertInto, Sql, Transaction
from workflowkit.store.slots import HELD


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane, with the ceilings of slots by group, and what is known of the throttle."""

    id: str
    scope: Scope
    parent: str
    queue: str
    ceilings: Mapping[str, int]
    throttle: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class QueuedStep:
    """A step that waits in a lane. Those with the lowest score and, of these, the lowest sequence come first."""

    run_id: str
    step_key: str
    lane_id: str
    score_ms: int
    sequence: str


#: How long the relay leaves a lane alone after it has looked at it: it only makes up for hints that were lost.
RECHECK_MS = 10_000

INSERT_STEP = InsertInto("queued_steps", ("run_id", "step_key", "lane_id", "score_ms", "sequence"))
# A lane that has just been opened goes to the end of the line; one that is there already is only locked.
_JOIN = Sql(
    """
    INSERT INTO lanes (id, environment, tenant, parent, turn, queue, throttle, wake_at_ms)
    SELECT CAST(:id AS text), CAST(:environment AS text), CAST(:tenant AS text), CAST(:parent AS text),
        (SELECT coalesce(max(turn), 0) + 1 FROM lanes), CAST(:queue AS text), CAST(:throttle AS text),
        CAST(:wake_at_ms AS bigint)
    WHERE true
    ON CONFLICT (id) DO UPDATE SET queue = excluded.queue
    """
)
_JOIN_GROUP = Sql(
    """
    INSERT INTO lane_groups (lane_id, slot_group, ceiling) VALUES (:lane_id, :slot_group, :ceiling)
    ON CONFLICT (lane_id, slot_group) DO NOTHING
    """
)
# The throttle of the lane ``l`` is open as far as is known, and none of its groups is full.
_HAS_ROOM = f"""
    l.not_before_ms <= :now_ms AND NOT EXISTS (
        SELECT 1 FROM lane_groups g WHERE g.lane_id = l.id AND g.ceiling <= (
            SELECT count(*) FROM slots s WHERE s.slot_group = g.slot_group AND {HELD}
        )
    )
"""  # noqa: S608
# A *place* is a lane or a group of slots. What can go on there: the lane itself, those in the group, and those that
# share a group with the lane.
_PICK = Sql(
    f"""
    SELECT l.id, l.environment, l.tenant, l.parent, l.queue, l.throttle
    FROM lanes l JOIN lanes t ON t.id = l.parent
    WHERE l.id IN (
            SELECT CAST(:place AS text)
            UNION SELECT lane_id FROM lane_groups WHERE slot_group = :place
            UNION SELECT h.lane_id FROM lane_groups g JOIN lane_groups h ON h.slot_group = g.slot_group
                WHERE g.lane_id = :place
        )
        AND EXISTS (SELECT 1 FROM queued_steps q WHERE q.lane_id = l.id)
        AND {_HAS_ROOM}
    ORDER BY t.turn, l.turn, l.id LIMIT :limit
    """  # noqa: S608
)
_GROUPS = Sql("SELECT slot_group, ceiling FROM lane_groups WHERE lane_id = :lane_id ORDER BY slot_group")
_HEAD = Sql(
    """
    SELECT run_id, step_key, lane_id, score_ms, sequence FROM queued_steps WHERE lane_id = :lane_id
    ORDER BY lane_id, score_ms, sequence LIMIT 1
    """
)
_LOCK = Sql("SELECT id FROM lanes WHERE id {in_ids} ORDER BY parent NULLS FIRST, id {for_update}")
_MOVE = Sql(
    """
    UPDATE lanes SET turn = (SELECT max(turn) + 1 FROM lanes) WHERE id = :id
    """
)
_CLOSE = Sql("DELETE FROM lanes WHERE id = :id AND NOT EXISTS (SELECT 1 FROM queued_steps WHERE lane_id = :id)")
_CLOSE_TENANT = Sql("DELETE FROM lanes WHERE id = :id AND NOT EXISTS (SELECT 1 FROM lanes WHERE parent = :id)")
_LEAVE_GROUPS = Sql("DELETE FROM lane_groups WHERE lane_id = :id")
_HOLD = Sql("UPDATE lanes SET not_before_ms = :at_ms, wake_at_ms = :at_ms WHERE id = :id")
_REMOVE = Sql("DELETE FROM queued_steps WHERE run_id = :run_id AND step_key = :step_key")
_DEPTH = Sql("SELECT count(*) FROM (SELECT 1 FROM queued_steps WHERE lane_id = :lane_id LIMIT :limit) AS waiting")
_OF_RUN = Sql("SELECT step_key FROM queued_steps WHERE run_id = :run_id ORDER BY step_key")
_REMOVE_RUN = Sql("DELETE FROM queued_steps WHERE run_id = :run_id")
_ANY_WAITING = Sql(
    """
    SELECT 1 FROM lane_groups g JOIN queued_steps q ON q.lane_id = g.lane_id WHERE g.slot_group {in_ids} LIMIT 1
    """
)
_ANY_DUE = Sql("SELECT 1 FROM lanes WHERE wake_at_ms <= :now_ms LIMIT 1")
_WAKE = Sql(
    """
    UPDATE lanes SET wake_at_ms = :wake_at_ms WHERE id IN (
        SELECT id FROM lanes WHERE wake_at_ms <= :now_ms ORDER BY wake_at_ms LIMIT :limit {skip_locked}
    )
    RETURNING id
    """
)
# An empty lane counts as ready: whoever looks at it closes it.
_READY = Sql(f"SELECT l.id, l.queue FROM lanes l WHERE l.id {{in_ids}} AND {_HAS_ROOM} ORDER BY l.turn")  # noqa: S608


def join(tx: Transaction, lanes: Iterable[Lane], queued: Sequence[QueuedStep], *, wake_at_ms: int) -> None:
    """Add steps to their lanes, which are opened if need be; the relay looks at a new lane at ``wake_at_ms``."""
    known = {lane.id: lane for lane in lanes}
    # SAFETY: I4 — the lane's row is locked until the commit, so nobody closes it before its new steps can be seen.
    for parent in sorted({lane.parent for lane in known.values()}):
        scope = next(lane.scope for lane in known.values() if lane.parent == parent)
        _open(tx, parent, scope)
    for lane in sorted(known.values(), key=lambda each: each.id):
        throttle = None if lane.throttle is None else jsonvalue.dumps(lane.throttle)
        _open(tx, lane.id, lane.scope, parent=lane.parent, queue=lane.queue, throttle=throttle, wake_at_ms=wake_at_ms)
        for group, ceiling in sorted(lane.ceilings.items()):
            tx.run(_JOIN_GROUP, lane_id=lane.id, slot_group=group, ceiling=ceiling)
    tx.insert(INSERT_STEP, [(q.run_id, q.step_key, q.lane_id, q.score_ms, q.sequence) for q in queued])


def pick(tx: Transaction, place: str, *, limit: int = 1) -> list[Lane]:
    """Return the lanes whose next step could start, in the order of their turns; nothing is locked.

    ``place`` is the id of a lane, or a group of slots.
    """
    rows = tx.rows(_PICK, place=place, now_ms=tx.now_ms, limit=limit)
    return [
        Lane(
            id=row[0], scope=Scope(row[1], row[2]), parent=row[3], queue=row[4], ceilings=_ceilings(tx, row[0]),
            throttle=None if row[5] is None else jsonvalue.loads(row[5]),
        )
        for row in rows
    ]  # fmt: skip


def head(tx: Transaction, lane_id: str) -> QueuedStep | None:
    """Return the step of a lane that comes next."""
    row = tx.one(_HEAD, lane_id=lane_id)
    return None if row is None else QueuedStep(*row)


def depth(tx: Transaction, lane_id: str, *, limit: int) -> int:
    """Return how many steps wait in a lane, counted up to ``limit``."""
    row = tx.one(_DEPTH, lane_id=lane_id, limit=limit)
    assert row is not None  # noqa: S101 - a count is always there
    return int(row[0])


def served(tx: Transaction, lane: Lane) -> None:
    """Send a lane and its tenant to the end of the line after a step of it has started; close those that are empty."""
    tx.rows(_LOCK, ids=[lane.parent, lane.id])
    if tx.run(_CLOSE, id=lane.id):
        tx.run(_LEAVE_GROUPS, id=lane.id)
        if tx.run(_CLOSE_TENANT, id=lane.parent):
            return
    # In the order of ``flow.fairness``: the tenant moves first.
    tx.run(_MOVE, id=lane.parent)
    tx.run(_MOVE, id=lane.id)


def close_empty(tx: Transaction, lane: Lane) -> None:
    """Close a lane that has no step left."""
    tx.rows(_LOCK, ids=[lane.parent, lane.id])
    if tx.run(_CLOSE, id=lane.id):
        tx.run(_LEAVE_GROUPS, id=lane.id)
        tx.run(_CLOSE_TENANT, id=lane.parent)


def hold(tx: Transaction, lane_id: str, *, until_ms: int) -> None:
    """Let nothing of a lane start before ``until_ms``, when the relay looks at it."""
    tx.run(_HOLD, id=lane_id, at_ms=until_ms)


def remove(tx: Transaction, run_id: str, step_key: str) -> None:
    """Take a step out of its lane."""
    tx.run(_REMOVE, run_id=run_id, step_key=step_key)


def steps_of(tx: Transaction, run_id: str) -> list[str]:
    """Return the keys of the steps of a run that are in a lane."""
    return [row[0] for row in tx.rows(_OF_RUN, run_id=run_id)]


def remove_run(tx: Transaction, run_id: str) -> None:
    """Take all steps of a run out of their lanes."""
    tx.run(_REMOVE_RUN, run_id=run_id)


def wake(tx: Transaction, *, limit: int) -> list[tuple[str, str]]:
    """Return id and queue of lanes that have not been looked at for a while, and whose next step could start."""
    woken = [row[0] for row in tx.rows(_WAKE, now_ms=tx.now_ms, limit=limit, wake_at_ms=tx.now_ms + RECHECK_MS)]
    return [(row[0], row[1]) for row in tx.rows(_READY, ids=woken, now_ms=tx.now_ms)] if woken else []


def any_waiting(tx: Transaction, groups: Sequence[str]) -> bool:
    """Tell whether a step waits that a slot of one of these groups may be for."""
    return tx.one(_ANY_WAITING, ids=list(groups)) is not None


def any_due(tx: Transaction) -> bool:
    """Tell whether ``wake`` would find anything."""
    return tx.one(_ANY_DUE, now_ms=tx.now_ms) is not None


def _open(
    tx: Transaction, lane_id: str, scope: Scope, *, parent: str | None = None, queue: str | None = None,
    throttle: str | None = None, wake_at_ms: int | None = None,
) -> None:  # fmt: skip
    tx.run(
        _JOIN, id=lane_id, environment=scope.environment, tenant=scope.tenant, parent=parent, queue=queue,
        throttle=throttle, wake_at_ms=wake_at_ms,
    )  # fmt: skip


def _ceilings(tx: Transaction, lane_id: str) -> dict[str, int]:
    return {row[0]: row[1] for row in tx.rows(_GROUPS, lane_id=lane_id)}
