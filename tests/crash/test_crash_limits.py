"""Workers under limits are killed at every commit: no slot is lost, no limit exceeded, no batch split or doubled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import orders
import pytest
import services
import sqlalchemy as sa
from stack import DEADLINE_SECONDS, Stack, a_stack

from workflowkit import Settings, WorkflowKit

pytestmark = [pytest.mark.crash, pytest.mark.timeout(240)]

SIDES = ("before_commit", "after_commit")
ORDERS = 3
#: Failpoints and the hits at which a worker is killed there, with one slot for all steps.
CELLS = [
    *((f"dequeue.{side}", hit) for side in SIDES for hit in (1, 2, 3)),
    *((f"record.{side}", hit) for side in SIDES for hit in (1, 4)),
    *((f"claim.{side}", 1) for side in SIDES),
]
#: The same for a batch: the transactions that append to it, and the one that starts it.
BATCH_CELLS = [*((f"match.{side}", hit) for side in SIDES for hit in (1, 3)), *((f"timer.{side}", 1) for side in SIDES)]


@pytest.fixture
def stack(postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[Stack]:
    with a_stack(postgres_url, redis_url, tmp_path / "stack") as opened:
        yield opened


@pytest.fixture
def _written_at(stack: Stack) -> Iterator[None]:
    """Have the server note when it writes a fact. Processes carry its clock forward each for itself, and where the
    machine is busy, two of them differ by more milliseconds than a step takes."""
    with stack.engine.begin() as connection:
        connection.execute(
            sa.text("ALTER TABLE journal ADD COLUMN written_at timestamptz NOT NULL DEFAULT clock_timestamp()")
        )
    yield
    with stack.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE journal DROP COLUMN written_at"))


def _deploy(database_url: str, **settings: Any) -> None:
    wk = WorkflowKit("orders", settings=Settings(database_url=database_url))
    for spec in orders.make_app().registry:
        if spec.kind in ("effect", "flaky", "slow"):
            wk.registry.add(spec)
    wk.publish(orders.WORKFLOW_ID, orders.DOCUMENT | {"settings": settings})
    wk.stop()


def _intervals(stack: Stack) -> list[tuple[datetime, datetime]]:
    """Return when each attempt of a step began and when its result was put on record. Lost ones are left out,
    for their workers were dead and their slots free by the ends of their leases."""
    facts = stack.rows("SELECT run_id, step_key, kind, written_at FROM journal ORDER BY run_id, revision, ordinal")
    began: dict[tuple[str, str], datetime] = {}
    found = []
    for fact in facts:
        key = (fact["run_id"], fact["step_key"])
        if fact["kind"] == "attempt":
            began[key] = fact["written_at"]
        elif key in began:
            began_at = began.pop(key)
            if fact["kind"] != "lost":
                found.append((began_at, fact["written_at"]))
    return found


@pytest.mark.usefixtures("_written_at")
@pytest.mark.parametrize(("failpoint", "hit"), CELLS)
def test_a_worker_killed_under_a_limit_loses_no_slot(stack: Stack, postgres_url: str, failpoint: str, hit: int) -> None:
    _deploy(postgres_url, concurrency=1)
    victim = stack.work(failpoint=f"{failpoint}:kill:{hit}")
    for number in range(ORDERS):
        assert stack.send(f"order-{number}") == 0
    stack.wait_for_death(victim)
    for _ in range(2):
        stack.work()
    stack.wait_for_runs(ORDERS)
    assert {row["status"] for row in stack.rows("SELECT status FROM runs")} == {"completed"}
    for table in ("slots", "queued_steps"):
        assert stack.rows(f"SELECT * FROM {table}") == [], table
    # SAFETY: I18 — one after the other.
    intervals = sorted(_intervals(stack))
    assert len(intervals) >= ORDERS * len(orders.STEPS)
    for (_, ended), (began, _) in pairwise(intervals):
        assert began >= ended


@pytest.mark.parametrize(("failpoint", "hit"), BATCH_CELLS)
def test_a_worker_killed_while_a_batch_fills_starts_it_once(
    stack: Stack, postgres_url: str, failpoint: str, hit: int
) -> None:
    is_timed = failpoint.startswith("timer")
    _deploy(postgres_url, batch={"max_size": ORDERS + is_timed, "timeout": "2s"})
    victim = stack.work(failpoint=f"{failpoint}:kill:{hit}")
    for number in range(ORDERS):
        assert stack.send(f"order-{number}") == 0
        # One by one: each is a transaction of its own.
        assert services.wait_until(
            lambda: not stack.rows("SELECT * FROM pending_events") or not victim.is_alive(),
            timeout_seconds=DEADLINE_SECONDS,
        )
    stack.wait_for_death(victim)
    stack.work()
    collected = "SELECT collection_id, count(*) AS n FROM collected_events GROUP BY collection_id"
    assert services.wait_until(
        lambda: sum(row["n"] for row in stack.rows(collected)) == ORDERS
        and not stack.rows("SELECT id FROM collections WHERE closed_at_ms IS NULL"),
        timeout_seconds=DEADLINE_SECONDS,
    ), stack.logs()  # fmt: skip
    # SAFETY: I20 — each event in one batch, each batch with one run, whoever died in between.
    batches = stack.rows("SELECT id, run_id FROM collections")
    stack.wait_for_runs(len(batches))
    runs = stack.rows("SELECT id, status FROM runs")
    assert sorted(row["run_id"] for row in batches) == sorted(run["id"] for run in runs)
    assert {run["status"] for run in runs} == {"completed"}
