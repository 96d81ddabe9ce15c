"""Whose turn it is where steps wait for a limit, and taking it: one query and one statement. PostgreSQL only.

Optimistic, as in ``store.singles``: nothing is locked in between. What is taken is taken only if all is still as it was
seen, and otherwise nothing is; the caller then takes the long way, which locks first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.engine.channels import run_channel
from workflowkit.engine.facts import Fact
from workflowkit.store import events, flowstates, journal, lanes, runs, slots, steps
from workflowkit.store.database import Sql, Transaction
from workflowkit.store.events import EventRecord
from workflowkit.store.lanes import Lane
from workflowkit.store.runs import RunRecord
from workflowkit.store.steps import Lease


@dataclass(frozen=True, slots=True)
class Turn:
    """The first step of the lane whose turn it is, with its run and event, as they stand.

    ``held`` and ``stamps`` are the slots that are held and the stamp of each group of the lane. The step ``is_plain``
    if nothing but its run's row is to be known of it: no earlier attempt, no wait, no other step that starts with it.
    ``has_facts`` tells whether anything is on record of its run, ``has_more`` whether another step waits in the lane,
    ``is_last`` whether no lane stands behind it; ``other_queue`` is that of another lane of the place where one could
    start.
    """

    lane: Lane
    step_key: str
    token: int
    run: RunRecord
    event: EventRecord
    held: Mapping[str, int]
    stamps: Mapping[str, int | None]
    is_plain: bool
    has_facts: bool
    has_more: bool
    is_last: bool
    other_queue: str | None = None


def _look(table: str, where: str) -> Sql:
    """Return the query for the lanes of one kind of place.

    What is asked of other rows is in subqueries that cannot become joins: each is one look-up in an index.
    """
    return Sql(
        f"""
        SELECT l.id, l.environment, l.tenant, l.parent, l.queue, l.throttle, l.groups, l.ceilings, l.held, l.stamps,
            q.step_key, p.token,
            p.status = 'ready' AND p.due_at_ms = :parked AND p.attempt = 0 AND p.lost_attempts = 0
                AND r.paused_at_ms IS NULL AND r.status IN ('scheduled', 'queued', 'running', 'waiting')
                AND (SELECT w.run_id FROM waits w WHERE w.run_id = q.run_id LIMIT 1) IS NULL
                AND (r.started_at_ms IS NOT NULL OR (
                    SELECT o.run_id FROM queued_steps o WHERE o.run_id = q.run_id AND o.step_key <> q.step_key LIMIT 1
                ) IS NULL),
            (SELECT j.run_id FROM journal j WHERE j.run_id = q.run_id LIMIT 1) IS NOT NULL,
            (
                SELECT o.run_id FROM queued_steps o
                WHERE o.lane_id = l.id AND (o.score_ms, o.sequence) > (q.score_ms, q.sequence)
                ORDER BY o.score_ms, o.sequence LIMIT 1
            ) IS NOT NULL,
            (
                SELECT b.id FROM lanes b
                WHERE b.turn > least(l.turn, l.tenant_turn) AND b.id <> l.id AND b.id <> l.parent LIMIT 1
            ) IS NULL,
            {", ".join(f"r.{name}" for name in runs.COLUMNS)}, {", ".join(f"e.{name}" for name in events.COLUMNS)}
        FROM (
            SELECT l.*, t.turn AS tenant_turn, c.*
            FROM {table} JOIN lanes t ON t.id = l.parent
            CROSS JOIN LATERAL (
                SELECT array_agg(g.slot_group) AS groups, array_agg(g.ceiling) AS ceilings, array_agg(n.held) AS held,
                    array_agg(f.stamp) AS stamps, bool_and(n.held < g.ceiling) AS has_room
                FROM lane_groups g
                CROSS JOIN LATERAL (
                    SELECT count(*) AS held FROM slots s WHERE s.slot_group = g.slot_group AND {slots.HELD}
                ) n
                LEFT JOIN flow_states f ON f.environment = '' AND f.tenant = '' AND f.workflow_id = ''
                    AND f.control = 'slots' AND f.key = g.slot_group
                WHERE g.lane_id = l.id
            ) c
            WHERE {where} = :place AND l.not_before_ms <= :now_ms AND c.has_room IS NOT FALSE
                AND {lanes.first_of("l.id")} IS NOT NULL
            ORDER BY t.turn, l.turn, l.id LIMIT 2
        ) l
        CROSS JOIN LATERAL (
            SELECT run_id, step_key, score_ms, sequence FROM queued_steps WHERE lane_id = l.id
            ORDER BY lane_id, score_ms, sequence LIMIT 1
        ) q
        LEFT JOIN runs r ON r.id = q.run_id
        LEFT JOIN steps p ON p.run_id = q.run_id AND p.step_key = q.step_key
        LEFT JOIN events e ON e.id = r.event_id
        ORDER BY l.tenant_turn, l.turn, l.id
        """  # noqa: S608
    )


_LOOK_AT_GROUP = _look("lane_groups m JOIN lanes l ON l.id = m.lane_id", "m.slot_group")
_LOOK_AT_LANE = _look("lanes l", "l.id")
_RUN = 16  #: the first of the run's columns
_EVENT = _RUN + len(runs.COLUMNS)


def _take(more: str = "") -> Sql:
    # SAFETY: I18 I19 — the states of groups and throttle have the stamps that were seen, so nobody has taken a slot or
    # a unit since: what was counted then holds now. The run's revision says the same of the run.
    # SAFETY: I2 I5 — what is missing makes the fact's revision NULL, which the column refuses, and nothing is taken.
    return Sql(
        f"""
        WITH guarded AS (
            INSERT INTO flow_states ({flowstates.KEYS}, state, expires_at_ms, stamp)
            SELECT {flowstates.KEYS}, state, expires_at_ms, stamp
            FROM json_to_recordset(:states ::json) AS new (environment text, tenant text, workflow_id text,
                control text, key text, state text, expires_at_ms bigint, stamp bigint)
            {flowstates.ON_SAME_STAMP}
            RETURNING 1
        ), run AS (
            UPDATE runs SET revision = revision + 1, status = 'running',
                started_at_ms = coalesce(started_at_ms, :now_ms)
            WHERE id = :run_id AND revision = :revision AND paused_at_ms IS NULL
                AND status IN ('scheduled', 'queued', 'running', 'waiting')
                AND (SELECT count(*) FROM guarded) = :state_count
            RETURNING id, revision
        ), claimed AS (
            UPDATE steps SET status = 'running', attempt = attempt + 1, token = token + 1,
                due_at_ms = :ends_at_ms, wake_at_ms = :ends_at_ms
            FROM run
            WHERE run_id = run.id AND step_key = :step_key AND token = :token AND status = 'ready'
                AND due_at_ms = :parked
            RETURNING attempt, revision
        ), left_lane AS (
            DELETE FROM queued_steps WHERE run_id = :run_id AND step_key = :step_key
        ), taken AS (
            INSERT INTO slots (slot_group, run_id, step_key, token)
            SELECT slot_group, run_id, step_key, token
            FROM json_to_recordset(:slots ::json) AS new (slot_group text, run_id text, step_key text, token bigint)
            ON CONFLICT (slot_group, run_id, step_key) DO UPDATE SET token = excluded.token
        ), noted AS (
            INSERT INTO journal (run_id, revision, ordinal, kind, step_key, attempt, data, at_ms)
            VALUES (:run_id, (SELECT revision FROM claimed), 0, 'attempt', :step_key, 1, :data, :now_ms)
        ) {more}
        SELECT attempt FROM claimed
        """  # noqa: S608
    )


_TAKE = _take()
# The tenant moves first, as ``flow.fairness`` says.
_TAKE_AND_MOVE = _take(
    """
    , moved AS (
        UPDATE lanes SET
            turn = CASE WHEN :is_last THEN lanes.turn ELSE line.turn + CASE WHEN parent IS NULL THEN 1 ELSE 2 END END,
            not_before_ms = CASE WHEN lanes.id = :lane_id THEN coalesce(:until_ms ::bigint, not_before_ms)
                ELSE not_before_ms END,
            wake_at_ms = CASE WHEN lanes.id = :lane_id THEN coalesce(:until_ms ::bigint, wake_at_ms)
                ELSE wake_at_ms END
        FROM (
            SELECT id FROM lanes WHERE id = :lane_id OR id = :parent ORDER BY parent IS NOT NULL, id FOR UPDATE
        ) own, (SELECT max(turn) AS turn FROM lanes) line
        WHERE lanes.id = own.id
    )
    """
)


def look(tx: Transaction, place: str) -> Turn | None:
    """Return whose turn it is at a place; ``None`` if nothing can start there. Nothing is locked.

    Raises ``LookupError`` where the run of the step is gone, or its event.
    """
    statement = _LOOK_AT_GROUP if lanes.is_group(place) else _LOOK_AT_LANE
    rows = tx.rows(statement, place=place, now_ms=tx.now_ms, parked=steps.PARKED)
    if not rows:
        return None
    row = rows[0]
    lane_id, environment, tenant, parent, queue, throttle, groups, ceilings, held, stamps, step_key, token = row[:12]
    is_plain, has_facts, has_more, is_last = row[12:_RUN]
    if row[_RUN] is None or row[_EVENT] is None:
        raise LookupError(step_key)
    lane = Lane(
        lane_id, Scope(environment, tenant), parent, queue, dict(zip(groups or (), ceilings or (), strict=True)),
        None if throttle is None else jsonvalue.loads(throttle),
    )  # fmt: skip
    return Turn(
        lane, step_key, token, runs.from_row(row[_RUN:_EVENT]), events.from_row(row[_EVENT:]),
        dict(zip(groups or (), held or (), strict=True)), dict(zip(groups or (), stamps or (), strict=True)),
        bool(is_plain), has_facts, has_more, is_last, other_queue=rows[1][4] if len(rows) > 1 else None,
    )  # fmt: skip


def take(
    tx: Transaction,
    turn: Turn,
    attempt: Fact,
    *,
    states: Sequence[Sequence[Any]],
    held: Sequence[Sequence[Any]],
    lease_ms: int,
    until_ms: int | None,
) -> Lease:
    """Take the lease of a step whose turn it is, with the rows of the slots that are ``held`` with it.

    ``states`` are rows of ``flowstates.GUARDED``, in the order of their keys. Nothing of the lane starts before
    ``until_ms``. Run as the only statement of a transaction. Raises the driver's IntegrityError if anything is no
    longer as it was seen.
    """
    ends_at_ms = tx.now_ms + lease_ms
    ((*_, data, _at_ms),) = journal.rows_of("", 0, [attempt])
    statement, line = _TAKE, {}
    if until_ms is not None or not turn.is_last:
        statement = _TAKE_AND_MOVE
        line = {
            "lane_id": turn.lane.id, "parent": turn.lane.parent, "is_last": turn.is_last, "until_ms": until_ms,
        }  # fmt: skip
    row = tx.one(
        statement,
        **line,
        states=_records(flowstates.GUARDED.columns, states),
        state_count=len(states),
        run_id=turn.run.id,
        revision=turn.run.revision,
        step_key=turn.step_key,
        token=turn.token,
        slots=_records(slots.INSERT.columns, held),
        data=data,
        parked=steps.PARKED,
        now_ms=tx.now_ms,
        ends_at_ms=ends_at_ms,
    )
    tx.changed.add(run_channel(turn.run.id))
    return Lease(turn.run.id, turn.step_key, row[0], turn.token + 1, ends_at_ms)


def _records(fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return jsonvalue.dumps([dict(zip(fields, row, strict=True)) for row in rows])
