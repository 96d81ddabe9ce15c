"""Slots: who counts against a limit of concurrency. Rows that go with a lease or with a run, never counters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from workflowkit.store.database import InsertInto, Sql, Transaction
from workflowkit.store.steps import Lease

#: Stands for the step of a slot that a whole run holds.
WHOLE_RUN: Final = ""
#: The slot ``s`` is held, and not left behind by a worker whose lease has ended.
HELD: Final = """(s.step_key = '' OR EXISTS (
    SELECT 1 FROM steps p WHERE p.run_id = s.run_id AND p.step_key = s.step_key AND p.token = s.token
        AND p.status = 'running' AND p.due_at_ms > :now_ms
))"""
_INSERT = InsertInto("slots", ("slot_group", "run_id", "step_key", "token"))
# SAFETY: I18 — counted, and counted under the group's lock: no crash can leave a count behind that is wrong.
_COUNT = Sql(
    f"SELECT s.slot_group, count(*) FROM slots s WHERE s.slot_group {{in_ids}} AND {HELD} GROUP BY s.slot_group"  # noqa: S608
)
_FREE_STEP = Sql("DELETE FROM slots WHERE run_id = :run_id AND step_key = :step_key")
_FREE_RUN = Sql("DELETE FROM slots WHERE run_id = :run_id RETURNING slot_group")


def held(tx: Transaction, groups: Sequence[str]) -> dict[str, int]:
    """Return how many slots of each group are held; groups without one are left out. Lock the groups before."""
    return {row[0]: row[1] for row in tx.rows(_COUNT, ids=list(groups), now_ms=tx.now_ms)}


def take(tx: Transaction, lease: Lease, groups: Iterable[str]) -> None:
    """Let the step of a lease hold a slot of each of ``groups``, and none that an earlier attempt of it held."""
    tx.run(_FREE_STEP, run_id=lease.run_id, step_key=lease.step_key)
    tx.insert(_INSERT, [(group, lease.run_id, lease.step_key, lease.token) for group in groups])


def take_for_run(tx: Transaction, run_id: str, groups: Iterable[str]) -> None:
    """Let a run hold a slot of each of ``groups`` until its end."""
    tx.insert(_INSERT, [(group, run_id, WHOLE_RUN, 0) for group in groups])


def free(tx: Transaction, run_id: str, step_key: str) -> None:
    """Give back what a step holds."""
    tx.run(_FREE_STEP, run_id=run_id, step_key=step_key)


def free_run(tx: Transaction, run_id: str) -> list[str]:
    """Give back what a run and its steps hold; return the groups, sorted."""
    return sorted({row[0] for row in tx.rows(_FREE_RUN, run_id=run_id)})
