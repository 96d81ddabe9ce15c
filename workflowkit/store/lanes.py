"""Lanes: the order in which steps that wait for a limit start. ``tests/fairness.py`` says in Python what that is.

A lane holds the queued steps of one tenant and workflow that are under the same limits and on the same queue. Lanes are
locked after everything else in a transaction, a tenant's before those in it, and in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.store import slots
from workflowkit.store.slots import HELD
from workflowkit.store.statements import InsertInto, Part, RowStatement, Sql
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane, with the ceilings of slots by group, and what is known of the throttle.

    ``rules`` are the names, by group, of the limits whose height is what is published (``store.ceilings``).
    """

    id: str
    scope: Scope
    parent: str
    queue: str
    ceilings: Mapping[str, int]
    throttle: Mapping[str, Any] | None = None
    rules: Mapping[str, str] = field(default_factory=dict)

    @property
    def crowd(self) -> Hashable:
        """All limits that its steps are under."""
        return tuple(sorted(self.ceilings.items())) if self.throttle is None else self.id

    @property
    def place(self) -> str:
        """Where its turn comes: a group of slots that all its steps need, or the lane itself if there is none."""
        return min(self.ceilings, default=self.id)


@dataclass(frozen=True, slots=True)
class QueuedStep:
    """A step that waits in a lane. Those with the lowest score and, of these, the lowest sequence come first.

    With a ``line``, which those of one workflow have together, a longer head start may let it go ahead of other lanes.
    """

    run_id: str
    step_key: str
    lane_id: str
    score_ms: int
    sequence: str
    line: str | None = None
    head_start_ms: int | None = None


#: A step that has slots makes way in its own lane only for what came so much before it: who came at almost the same
#: moment is not worth to wait in line again, and a priority counts whole seconds.
EARLIER_MS = 999
#: How long the relay leaves a lane alone after it has looked at it: it only makes up for hints that were lost.
RECHECK_MS = 10_000
#: How long at most it leaves a lane alone whose throttle has just opened: by the clock of whoever was hinted, which may
#: be a moment behind, it was still closed.
OPENED_MS = 1_000

_STEP_COLUMNS = ("run_id", "step_key", "lane_id", "score_ms", "sequence", "line", "head_start_ms")
INSERT_STEP = InsertInto("queued_steps", _STEP_COLUMNS)
# A lane that has just been opened goes to the end of the line.
_JOIN = RowStatement(
    "INSERT INTO lanes (id, environment, tenant, parent, turn, queue, throttle, wake_at_ms) VALUES ",
    ("id", "environment", "tenant", "parent", "turn", "queue", "throttle", "wake_at_ms"),
    " ON CONFLICT (id) DO NOTHING",
    computed={"turn": "(SELECT coalesce(max(turn), 0) FROM lanes) + {}"},
)
_JOIN_GROUP = RowStatement(
    "INSERT INTO lane_groups (lane_id, slot_group, ceiling, rule) VALUES ",
    ("lane_id", "slot_group", "ceiling", "rule"),
    " ON CONFLICT (lane_id, slot_group) DO NOTHING",
)


def first_of(lane: str) -> str:
    """Return the SQL for the run of the first step of a lane: one step down an index, by reason of its order."""
    return (
        f"(SELECT q.run_id FROM queued_steps q WHERE q.lane_id = {lane}"  # noqa: S608
        " ORDER BY q.score_ms, q.sequence LIMIT 1)"
    )


# The throttle of the lane ``l`` is open as far as is known, and none of its groups is full.
_HAS_ROOM = f"""
    l.not_before_ms <= :now_ms AND NOT EXISTS (
        SELECT 1 FROM lane_groups g WHERE g.lane_id = l.id AND g.ceiling <= (
            SELECT count(*) FROM slots s WHERE s.slot_group = g.slot_group AND {HELD}
        )
    )
"""  # noqa: S608
_COLUMNS = "l.id, l.environment, l.tenant, l.parent, l.queue, l.throttle"
# A *place* is a lane or a group of slots. What can go on there: the lane itself, those in the group, and those that
# share a group with the lane. In the order of their turns those whose next step could start.
_PICK = Sql(
    f"""
    SELECT {_COLUMNS} FROM lanes l JOIN lanes t ON t.id = l.parent
    WHERE l.id IN (
            SELECT CAST(:place AS text)
            UNION SELECT lane_id FROM lane_groups WHERE slot_group = :place
            UNION SELECT h.lane_id FROM lane_groups g JOIN lane_groups h ON h.slot_group = g.slot_group
                WHERE g.lane_id = :place
        )
        AND {first_of("l.id")} IS NOT NULL
        AND {_HAS_ROOM}
    ORDER BY t.turn, l.turn, l.id LIMIT :limit
    """  # noqa: S608
)
#: Where a group has so many lanes, they are not all looked at, but as many as it takes, down the line.
MANY_LANES = 20
_LANE_COUNT = Sql("SELECT count(*) FROM (SELECT 1 FROM lane_groups WHERE slot_group = :place LIMIT :limit) AS few")
_TOP_CEILING = Sql("SELECT max(ceiling) FROM lane_groups WHERE slot_group = :place")
_LINE = Sql("SELECT id FROM lanes WHERE parent IS NULL ORDER BY turn, id")
_PICK_OF_TENANT = Sql(
    f"""
    SELECT {_COLUMNS} FROM lanes l
    WHERE l.parent = :parent
        AND (SELECT g.lane_id FROM lane_groups g WHERE g.lane_id = l.id AND g.slot_group = :place) IS NOT NULL
        AND {first_of("l.id")} IS NOT NULL
        AND {_HAS_ROOM}
    ORDER BY l.turn, l.id LIMIT :limit
    """  # noqa: S608
)
_GROUPS = Sql("SELECT slot_group, ceiling FROM lane_groups WHERE lane_id = :lane_id ORDER BY slot_group")
_HEAD = Sql(
    f"""
    SELECT {", ".join(_STEP_COLUMNS)} FROM queued_steps WHERE lane_id = :lane_id
    ORDER BY lane_id, score_ms, sequence LIMIT 1
    """  # noqa: S608 - names from our own code
)
_LONGER_HEAD_START = Sql(
    """
    SELECT max(head_start_ms) FROM queued_steps
    WHERE line = :line AND head_start_ms > :above_ms AND head_start_ms < :below_ms
    """
)
_OF_HEAD_START = Sql(
    """
    SELECT score_ms, sequence, lane_id FROM queued_steps
    WHERE line = :line AND head_start_ms = :head_start_ms
        AND (score_ms, sequence) < (CAST(:score_ms AS bigint), CAST(:sequence AS text))
    ORDER BY score_ms, sequence LIMIT :limit
    """
)
# Of those that share the throttle of a lane, which is under limits as well, the one whose turn is before its.
_SHARING = Sql(
    f"""
    SELECT {_COLUMNS} FROM lanes l JOIN lanes o ON o.parent = l.parent AND o.throttle = l.throttle AND o.queue = l.queue
    WHERE o.id = :lane_id AND l.turn < o.turn AND {first_of("l.id")} IS NOT NULL AND {_HAS_ROOM}
    ORDER BY l.turn, l.id LIMIT 1
    """  # noqa: S608
)
# A lane in a group, or that shares the throttle of the one whose turn it is there, if this is its first step, and that
# could start.
_AHEAD = Sql(
    f"""
    SELECT {_COLUMNS} FROM lanes l
    WHERE l.id = :lane_id
        AND (
            EXISTS (SELECT 1 FROM lane_groups g WHERE g.lane_id = l.id AND g.slot_group = :place)
            OR EXISTS (SELECT 1 FROM lanes o WHERE o.id = :first_id AND o.throttle = l.throttle AND o.queue = l.queue)
        )
        AND (
            SELECT q.sequence FROM queued_steps q WHERE q.lane_id = l.id
            ORDER BY q.lane_id, q.score_ms, q.sequence LIMIT 1
        ) = :sequence
        AND {_HAS_ROOM}
    """  # noqa: S608
)
#: How many head starts are looked at, the longest ones, and how many steps with each, when it is asked who goes ahead.
HEAD_STARTS, WITH_EACH = 20, 100
#: More than any head start.
_NO_HEAD_START_MS = 2**62
_LOCK = Sql("SELECT id FROM lanes WHERE id {in_ids} ORDER BY parent IS NOT NULL, id {for_update}")
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
#: Somebody waits for a slot of one of the groups who comes before the step of a lane: in another lane, whose turn it
#: may be, or further ahead in this one. Each look is one step down an index, however much waits.
BEFORE = f"""(
    (
        SELECT q.run_id FROM queued_steps q
        WHERE q.lane_id = :lane_id AND (q.score_ms, q.sequence) < (CAST(:score_ms AS bigint), CAST(:sequence AS text))
        ORDER BY q.score_ms, q.sequence LIMIT 1
    ) IS NOT NULL OR EXISTS (
        SELECT 1 FROM lane_groups g WHERE g.slot_group {{in_ids}} AND g.lane_id <> :lane_id
            AND {first_of("g.lane_id")} IS NOT NULL
    )
)"""  # noqa: S608
_ANY_BEFORE = Sql(f"SELECT 1 WHERE {BEFORE}")
#: From when on ``wake`` finds something, and until when nobody is to look at some lane.
WAKES_AT_MS = "SELECT min(wake_at_ms) FROM lanes WHERE wake_at_ms IS NOT NULL"
HELD_UNTIL_MS = "SELECT max(wake_at_ms) FROM lanes WHERE wake_at_ms IS NOT NULL"
_NEXT_START = Sql(
    "SELECT min(wake_at_ms) FROM lanes WHERE wake_at_ms > :now_ms AND wake_at_ms <= :until_ms"
    " AND wake_at_ms = not_before_ms"
)
_RELEASE = Sql(
    """
    UPDATE lanes SET not_before_ms = :now_ms, wake_at_ms = :now_ms
    WHERE id IN (SELECT id FROM lanes WHERE wake_at_ms > :held_ms ORDER BY id {skip_locked})
    """
)
_WAKE = Sql(
    """
    UPDATE lanes SET wake_at_ms = CASE WHEN not_before_ms > :opened_ms THEN :again_at_ms ELSE :wake_at_ms END
    WHERE id IN (SELECT id FROM lanes WHERE wake_at_ms <= :now_ms ORDER BY wake_at_ms LIMIT :limit {skip_locked})
    RETURNING id
    """
)
_READY = Sql(
    f"""
    SELECT coalesce((SELECT min(g.slot_group) FROM lane_groups g WHERE g.lane_id = l.id), l.id), l.queue
    FROM lanes l
    WHERE l.id {{in_ids}} AND {_HAS_ROOM}
        AND {first_of("l.id")} IS NOT NULL
    ORDER BY l.turn
    """  # noqa: S608
)
_EMPTY = Sql(
    f"""
    SELECT l.id, l.parent FROM lanes l
    WHERE l.id {{in_ids}} AND {first_of("l.id")} IS NULL
    """  # noqa: S608
)
_CLOSE_ALL = Sql(
    f"""
    DELETE FROM lanes WHERE id {{in_ids}} AND {first_of("lanes.id")} IS NULL
    RETURNING id
    """  # noqa: S608
)
_CLOSE_TENANTS = Sql(
    """
    DELETE FROM lanes WHERE id {in_ids} AND NOT EXISTS (SELECT 1 FROM lanes l WHERE l.parent = lanes.id)
    """
)
_LEAVE_ALL_GROUPS = Sql("DELETE FROM lane_groups WHERE lane_id {in_ids}")


def joining(lanes: Iterable[Lane], queued: Sequence[QueuedStep], *, wake_at_ms: int) -> tuple[Part, ...]:
    """Return what adds steps to their lanes, for ``insert_all``; the relay looks at a new lane at ``wake_at_ms``."""
    known = sorted(lanes, key=lambda each: each.id)
    parents = {lane.parent: lane.scope for lane in known}
    # They are locked in the order of their ids, and take turns in that of their first steps.
    in_order = dict.fromkeys(step.lane_id for step in sorted(queued, key=lambda each: (each.score_ms, each.sequence)))
    numbers = {lane_id: number for number, lane_id in enumerate(in_order, len(parents) + 1)}
    # SAFETY: I4 — triggers of the table see to it that nobody closes a lane before its new steps can be seen; those who
    # join do not wait for each other.
    return (
        (_JOIN, [
            (parent, scope.environment, scope.tenant, None, number, None, None, None)
            for number, (parent, scope) in enumerate(sorted(parents.items(), key=lambda each: each[0]), 1)
        ]),
        (_JOIN, [
            (
                lane.id, lane.scope.environment, lane.scope.tenant, lane.parent, numbers.get(lane.id, 0), lane.queue,
                None if lane.throttle is None else jsonvalue.dumps(lane.throttle), wake_at_ms,
            )
            for lane in known
        ]),
        (_JOIN_GROUP, [
            (lane.id, group, ceiling, lane.rules.get(group))
            for lane in known for group, ceiling in sorted(lane.ceilings.items())
        ]),
        (INSERT_STEP, [
            (q.run_id, q.step_key, q.lane_id, q.score_ms, q.sequence, q.line, q.head_start_ms) for q in queued
        ]),
    )  # fmt: skip


def join(tx: Transaction, lane: Lane, queued: QueuedStep, *, wake_at_ms: int) -> None:
    """Add a step to its lane, which is opened if need be."""
    tx.insert_all(*joining([lane], [queued], wake_at_ms=wake_at_ms))


def is_group(place: str) -> bool:
    """Tell whether a place is a group of slots, whose name is a list as JSON, and not a lane."""
    return place.startswith("[")


def pick(tx: Transaction, place: str, *, limit: int = 1) -> list[Lane]:
    """Return the lanes whose next step could start, in the order of their turns; nothing is locked.

    ``place`` is the id of a lane, or a group of slots.
    """
    if is_group(place) and _has_many_lanes(tx, place):
        rows = _down_the_line(tx, place, limit)
    else:
        rows = tx.rows(_PICK, place=place, now_ms=tx.now_ms, limit=limit)
    if rows and is_group(place):
        sharing = None if rows[0][5] is None else tx.one(_SHARING, lane_id=rows[0][0], now_ms=tx.now_ms)
        for first in (sharing, _ahead(tx, place, (sharing or rows[0])[0])):
            if first is not None:
                rows = [first, *(row for row in rows if row[0] != first[0])][:limit]
    return [
        Lane(
            id=row[0], scope=Scope(row[1], row[2]), parent=row[3], queue=row[4], ceilings=_ceilings(tx, row[0]),
            throttle=None if row[5] is None else jsonvalue.loads(row[5]),
        )
        for row in rows
    ]  # fmt: skip


def _has_many_lanes(tx: Transaction, group: str) -> bool:
    return bool(tx.one(_LANE_COUNT, place=group, limit=MANY_LANES)[0] >= MANY_LANES)


def _down_the_line(tx: Transaction, group: str, limit: int) -> Sequence[Any]:
    """Return what ``pick`` finds in a group of many lanes, in the order of an index: the rest is not looked at."""
    held = slots.held(tx, [group]).get(group, 0)
    if held >= tx.one(_TOP_CEILING, place=group)[0]:
        return []
    found: list[Any] = []
    for (parent,) in tx.rows(_LINE):
        found += tx.rows(_PICK_OF_TENANT, parent=parent, place=group, now_ms=tx.now_ms, limit=limit - len(found))
        if len(found) >= limit:
            break
    return found


def _ahead(tx: Transaction, group: str, lane_id: str) -> Any:
    """Return the lane that goes ahead of the one whose turn it is in a group; ``None`` if there is none.

    One of the same workflow, in the group or under the same throttle, whose first step has a longer head start than the
    first one there and thereby a lower score.
    """
    first = head(tx, lane_id)
    if first is None or first.line is None or first.head_start_ms is None:
        return None
    found: list[Any] = []
    below_ms = _NO_HEAD_START_MS
    for _ in range(HEAD_STARTS):
        row = tx.one(_LONGER_HEAD_START, line=first.line, above_ms=first.head_start_ms, below_ms=below_ms)
        if row is None or row[0] is None:
            break
        below_ms = row[0]
        found += tx.rows(
            _OF_HEAD_START, line=first.line, head_start_ms=below_ms, score_ms=first.score_ms, sequence=first.sequence,
            limit=WITH_EACH,
        )  # fmt: skip
    seen = {lane_id}
    for _, sequence, other_id in sorted(tuple(each) for each in found):
        if other_id not in seen:
            seen.add(other_id)
            row = tx.one(
                _AHEAD, lane_id=other_id, place=group, first_id=lane_id, sequence=sequence, now_ms=tx.now_ms
            )  # fmt: skip
            if row is not None:
                return row
    return None


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
    # As in ``tests/fairness.py``: the tenant moves first.
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


def remove(tx: Transaction, run_id: str, step_key: str) -> bool:
    """Take a step out of its lane, whose run is locked; tell whether it was still in one."""
    return tx.run(_REMOVE, run_id=run_id, step_key=step_key) == 1


def steps_of(tx: Transaction, run_id: str) -> list[str]:
    """Return the keys of the steps of a run that are in a lane."""
    return [row[0] for row in tx.rows(_OF_RUN, run_id=run_id)]


def remove_run(tx: Transaction, run_id: str) -> None:
    """Take all steps of a run out of their lanes."""
    tx.run(_REMOVE_RUN, run_id=run_id)


def wake(tx: Transaction, *, limit: int) -> list[str]:
    """Return the ids of lanes that have not been looked at for a while."""
    now_ms = tx.now_ms
    rows = tx.rows(
        _WAKE, now_ms=now_ms, limit=limit, opened_ms=now_ms - OPENED_MS, again_at_ms=now_ms + OPENED_MS,
        wake_at_ms=now_ms + RECHECK_MS,
    )  # fmt: skip
    return [row[0] for row in rows]


def ready(tx: Transaction, ids: Sequence[str]) -> list[tuple[str, str]]:
    """Return place and queue of those of the lanes ``ids`` whose next step could start."""
    return [(row[0], row[1]) for row in tx.rows(_READY, ids=list(ids), now_ms=tx.now_ms)] if ids else []


def empty(tx: Transaction, ids: Sequence[str]) -> list[tuple[str, str]]:
    """Return id and tenant's lane of those of the lanes ``ids`` in which nothing waits."""
    return [(row[0], row[1]) for row in tx.rows(_EMPTY, ids=list(ids))] if ids else []


def close_all(tx: Transaction, found: Sequence[tuple[str, str]]) -> None:
    """Close what ``empty`` found, if it is so still."""
    parents = {parent for _, parent in found}
    tx.rows(_LOCK, ids=[*parents, *(lane_id for lane_id, _ in found)])
    closed = [row[0] for row in tx.rows(_CLOSE_ALL, ids=[lane_id for lane_id, _ in found])]
    tx.run(_LEAVE_ALL_GROUPS, ids=closed)
    tx.run(_CLOSE_TENANTS, ids=list(parents))


def any_before(tx: Transaction, lane: Lane, step: QueuedStep, *, by_ms: int = 0) -> bool:
    """Tell whether a slot that is under the limits of ``lane`` is for somebody else before it is for ``step``.

    In the lane itself only for who came ``by_ms`` before it.
    """
    return tx.one(_ANY_BEFORE, **before(lane, step, by_ms=by_ms)) is not None


def before(lane: Lane, step: QueuedStep, *, by_ms: int) -> dict[str, Any]:
    """Return the parameters of ``BEFORE``."""
    return {
        "ids": list(lane.ceilings), "lane_id": lane.id, "score_ms": step.score_ms - by_ms, "sequence": step.sequence,
    }  # fmt: skip


def release(tx: Transaction) -> None:
    """Let ``wake`` find the lanes that nobody was to look at for long, such as those that a throttle holds up.

    The clock may have been set back since. Whoever looks at one whose time has not come holds it up again.
    """
    tx.run(_RELEASE, now_ms=tx.now_ms, held_ms=tx.now_ms + RECHECK_MS)


def next_start_ms(tx: Transaction, *, within_ms: int) -> int | None:
    """Return when the first lane that a throttle holds up may go on, if that is so soon."""
    row = tx.one(_NEXT_START, now_ms=tx.now_ms, until_ms=tx.now_ms + within_ms)
    return None if row is None else row[0]


def _ceilings(tx: Transaction, lane_id: str) -> dict[str, int]:
    return {row[0]: row[1] for row in tx.rows(_GROUPS, lane_id=lane_id)}
