"""Slots: who counts against a limit of concurrency. Rows that go with a lease or with a run, never counters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from workflowkit.base import jsonvalue
from workflowkit.store.flowstates import StateKey
from workflowkit.store.statements import InsertInto, RowStatement, Sql, text_array
from workflowkit.store.steps import Lease
from workflowkit.store.transactions import Transaction

#: As many at one moment may take slots of a group without counting, on PostgreSQL, and leave as many free. The same
#: number as that of ``workflowkit_tickets``.
TICKETS: Final = 8
#: Stands for the step of a slot that a whole run holds.
WHOLE_RUN: Final = ""
#: The slot ``s`` is held, and not left behind by a worker whose lease has ended. A subquery that cannot become a join
#: or a hash: it is one look-up in an index, however many steps there are.
HELD: Final = """(s.step_key = '' OR (
    SELECT p.token FROM steps p
    WHERE p.run_id = s.run_id AND p.step_key = coalesce(s.kept_by, s.step_key) AND p.token = s.token
        AND p.status = 'running' AND p.due_at_ms > :now_ms LIMIT 1
) IS NOT NULL)"""
INSERT = InsertInto("slots", ("slot_group", "run_id", "step_key", "token"))
# SAFETY: I18 — counted, and counted under the group's lock: no crash can leave a count behind that is wrong.
_COUNT = Sql(
    f"SELECT s.slot_group, count(*) FROM slots s WHERE s.slot_group {{in_ids}} AND {HELD} GROUP BY s.slot_group"  # noqa: S608
)
# Of each group how many are held, and whether anybody waits for it. The look into the queue is a subquery of its own,
# so that it is one step down an index and never a join with all that waits.
_SURVEY = RowStatement(
    f"""
    SELECT k.column1,
        (SELECT count(*) FROM slots s WHERE s.slot_group = k.column1 AND {HELD.replace(":now_ms", "k.column2")}),
        (
            SELECT 1 FROM lane_groups g WHERE g.slot_group = k.column1 AND (
                SELECT q.run_id FROM queued_steps q WHERE q.lane_id = g.lane_id
                ORDER BY q.score_ms, q.sequence LIMIT 1
            ) IS NOT NULL LIMIT 1
        )
    FROM (VALUES """,  # noqa: S608
    ("group", "now_ms"),
    """
    ) k
    """,
    computed={"now_ms": "CAST({} AS bigint)"},
)
_LOCK = Sql(
    """
    SELECT workflowkit_lock_groups(
        CAST(:ids AS text[]) || CASE WHEN CAST(:key AS text) IS NOT NULL
            THEN workflowkit_throttle_name(:environment, :tenant, :workflow_id, :key) END
    )
    """
)
_CEILINGS = """
(
    SELECT array_agg(coalesce((SELECT c.ceiling FROM ceilings c WHERE c.rule = o.rule), o.ceiling) ORDER BY o.number)
    FROM unnest({ceilings}, {rules}) WITH ORDINALITY o (ceiling, rule, number)
)
"""


def ceilings_now(ceilings: str, rules: str) -> str:
    """Return SQL for how high limits are by now, of which these are the heights that a run was begun with."""
    return _CEILINGS.format(ceilings=ceilings, rules=rules)


#: Takes locks for who takes slots in the same statement, and tells as ``entered`` which. PostgreSQL only.
ENTER = RowStatement(
    "SELECT entered.* FROM (VALUES ", ("groups", "ceilings", "rules", "throttle", "now_ms", "is_told", "is_near"),
    f") w, workflowkit_enter(column1, {ceilings_now('column2', 'column3')}, column4, column5, column6, column7)"
    " entered",
    computed={
        "groups": "CAST({} AS text[])", "ceilings": "CAST({} AS bigint[])", "rules": "CAST({} AS text[])",
        "throttle": "CAST({} AS jsonb)", "now_ms": "CAST({} AS bigint)",
    },
    name="entered",
)  # fmt: skip
#: The slot is that of a step.
IS_OF_STEP: Final = "coalesce(kept_by, step_key) = :step_key"
_FREE_STEP = Sql(f"DELETE FROM slots WHERE run_id = :run_id AND {IS_OF_STEP}")  # noqa: S608
_FREE_RUN = Sql("DELETE FROM slots WHERE run_id = :run_id RETURNING slot_group")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a step needs to start: a slot of each of ``groups``, and one of each of ``run_groups`` for its run.

    ``ceilings`` are those of all of them, by ``rules`` in which they may be others by now. ``throttle`` tells of the
    one that its run is under.
    """

    ceilings: Mapping[str, int]
    groups: Sequence[str]
    run_groups: Sequence[str] = ()
    throttle: Mapping[str, Any] | None = None
    rules: Mapping[str, str] = field(default_factory=dict)

    def own_rules(self) -> list[str | None] | None:
        """Return the rule of each of the ceilings, ``None`` if there is none."""
        return [self.rules.get(group) for group in self.ceilings] if self.rules else None

    def entering(self, tx: Transaction, *, is_near: bool) -> tuple[Any, ...]:
        """Return the row that ``ENTER`` takes."""
        groups, ceilings = arrays(self.ceilings)
        throttle = None if self.throttle is None else jsonvalue.dumps(self.throttle)
        rules = None if (own := self.own_rules()) is None else text_array("" if rule is None else rule for rule in own)
        return groups, ceilings, rules, throttle, tx.now_ms, not tx.is_server_time, is_near


@dataclass(frozen=True, slots=True)
class Group:
    """How a group stands: the slots that are held, and whether a step waits for it."""

    held: int
    is_waited_for: bool


def may_be_plenty(ceilings: Mapping[str, int], throttle: Mapping[str, Any] | None = None) -> bool:
    """Tell whether limits are so high that slots under them may be had without counting, and so a throttle's burst."""
    return (throttle is None or throttle["burst"] > TICKETS) and all(
        ceiling > TICKETS for ceiling in ceilings.values()
    )  # fmt: skip


def has_room(tx: Transaction, ceilings: Mapping[str, int]) -> bool:
    """Tell whether slots under limits may be had without counting. Nothing is locked: they may be gone again."""
    if not may_be_plenty(ceilings):
        return False
    found = survey(tx, list(ceilings))
    return all(
        found[group].held + TICKETS <= ceiling and not found[group].is_waited_for for group, ceiling in ceilings.items()
    )  # fmt: skip


def arrays(ceilings: Mapping[str, int]) -> tuple[str, str]:
    """Return groups, and their ceilings, as functions of the database are told."""
    return text_array(ceilings), text_array(ceilings.values())


def lock(tx: Transaction, groups: Sequence[str], throttle: StateKey | None = None) -> None:
    """Let nobody else take a slot of ``groups``, or a unit of a throttle, until the end of the transaction."""
    # SQLite has one writer at a time.
    if tx.is_postgresql:
        where = (
            [None] * 4
            if throttle is None
            else [throttle.environment, throttle.tenant, throttle.workflow_id, throttle.key]
        )
        tx.rows(_LOCK, ids=list(groups), environment=where[0], tenant=where[1], workflow_id=where[2], key=where[3])
        tx.read_clock()


def survey(tx: Transaction, groups: Sequence[str]) -> dict[str, Group]:
    """Return how each of ``groups`` stands. Nothing is locked."""
    rows = tx.returned(_SURVEY, [(group, tx.now_ms) for group in groups])
    return {row[0]: Group(row[1], row[2] is not None) for row in rows}


def held(tx: Transaction, groups: Sequence[str]) -> dict[str, int]:
    """Return how many slots of each group are held; groups without one are left out. Lock the groups before."""
    return {row[0]: row[1] for row in tx.rows(_COUNT, ids=list(groups), now_ms=tx.now_ms)}


def take(tx: Transaction, lease: Lease, groups: Iterable[str]) -> None:
    """Let the step of a lease hold a slot of each of ``groups``, and none that an earlier attempt of it held."""
    tx.run(_FREE_STEP, run_id=lease.run_id, step_key=lease.step_key)
    tx.insert(INSERT, step_rows(lease, groups))


def take_for_run(tx: Transaction, run_id: str, groups: Iterable[str]) -> None:
    """Let a run hold a slot of each of ``groups`` until its end."""
    tx.insert(INSERT, run_rows(run_id, groups))


def first_rows(run_id: str, step_key: str, groups: Iterable[str], run_groups: Iterable[str]) -> list[tuple[Any, ...]]:
    """Return the rows, as ``INSERT`` takes them, of the slots that a run and the first attempt of its step hold."""
    return [*((group, run_id, step_key, 1) for group in groups), *run_rows(run_id, run_groups)]


def step_rows(lease: Lease, groups: Iterable[str]) -> list[tuple[Any, ...]]:
    """Return the rows, as ``INSERT`` takes them, of the slots that the step of a lease holds."""
    return [(group, lease.run_id, lease.step_key, lease.token) for group in groups]


def run_rows(run_id: str, groups: Iterable[str]) -> list[tuple[Any, ...]]:
    """Return the rows, as ``INSERT`` takes them, of the slots that a whole run holds."""
    return [(group, run_id, WHOLE_RUN, 0) for group in groups]


def free(tx: Transaction, run_id: str, step_key: str) -> None:
    """Give back what a step holds."""
    tx.run(_FREE_STEP, run_id=run_id, step_key=step_key)


def free_run(tx: Transaction, run_id: str) -> list[str]:
    """Give back what a run and its steps hold; return the groups, sorted."""
    return sorted({row[0] for row in tx.rows(_FREE_RUN, run_id=run_id)})
