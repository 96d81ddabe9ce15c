"""Slots: who counts against a limit of concurrency. Rows that go with a lease or with a run, never counters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workflowkit.store.database import InsertInto, RowStatement, Sql, Transaction
from workflowkit.store.steps import Lease

#: Stands for the step of a slot that a whole run holds.
WHOLE_RUN: Final = ""
#: The slot ``s`` is held, and not left behind by a worker whose lease has ended. A subquery that cannot become a join
#: or a hash: it is one look-up in an index, however many steps there are.
HELD: Final = """(s.step_key = '' OR (
    SELECT p.token FROM steps p WHERE p.run_id = s.run_id AND p.step_key = s.step_key AND p.token = s.token
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
_FREE_STEP = Sql("DELETE FROM slots WHERE run_id = :run_id AND step_key = :step_key")
_FREE_RUN = Sql("DELETE FROM slots WHERE run_id = :run_id RETURNING slot_group")


@dataclass(frozen=True, slots=True)
class Group:
    """How a group stands: the slots that are held, and whether a step waits for it."""

    held: int
    is_waited_for: bool


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
