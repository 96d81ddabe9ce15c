"""A run that waits in every way is killed at every commit it makes: it ends as the one without faults does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import journey
import pytest
from stack import Stack, a_stack

pytestmark = [pytest.mark.crash, pytest.mark.timeout(240)]

SIDES = ("before_commit", "after_commit")
#: Failpoints and the hits at which a worker is killed there: the commits that only a run which waits makes. The plain
#: ones, and those of the relay, are those of the first matrix.
CELLS = [
    *((f"step.{side}", hit) for side in SIDES for hit in (1, 2, 3, 4, 5, 6)),
    *((f"suspend.{side}", hit) for side in SIDES for hit in (1, 2, 3, 4)),
    *((f"claim.{side}", hit) for side in SIDES for hit in (1, 3)),
    *((f"cache.{side}", 1) for side in SIDES),
]


@pytest.fixture
def stack(postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[Stack]:
    with a_stack(postgres_url, redis_url, tmp_path / "stack", app=journey) as opened:
        _deploy(postgres_url)
        yield opened


def _deploy(database_url: str) -> None:
    from workflowkit import Settings, WorkflowKit

    wk = WorkflowKit("journey", settings=Settings(database_url=database_url))
    for spec in journey.make_app().registry:
        if spec.kind in ("effect", "travel"):
            wk.registry.add(spec)
    wk.publish(journey.WORKFLOW_ID, journey.DOCUMENT)
    wk.publish("child", journey.CHILD)
    wk.stop()


def _assert_as_without_faults(stack: Stack) -> None:
    (run,) = stack.rows("SELECT id, status, output FROM runs WHERE parent_run_id IS NULL")
    assert run["status"] == "completed", stack.logs()
    assert json.loads(run["output"]) == journey.OUTPUT
    (child,) = stack.rows("SELECT status, output FROM runs WHERE parent_run_id IS NOT NULL")
    assert child == {"status": "completed", "output": '{"answer":{"name":"child"}}'}
    finals = stack.rows(
        f"SELECT step_key, kind, data FROM journal WHERE run_id = '{run['id']}'"
        " AND kind IN ('completed','failed','skipped','cancelled')"
    )
    # SAFETY: I2 — one result for each step, whoever died in between.
    expected = ["$source", "handler", "wait", "wait/wait", "kept", *(f"handler/{step}" for step in journey.STEPS)]
    assert sorted(row["step_key"] for row in finals) == sorted(expected)
    assert {row["kind"] for row in finals} == {"completed"}
    (handler,) = [json.loads(row["data"]) for row in finals if row["step_key"] == "handler"]
    assert handler["output"] == journey.HANDLER_OUTPUT
    # A step whose result was not recorded when its worker died is executed again; nothing else is.
    started = stack.attempts()
    assert started["flaky"] in (2, 3)
    assert all(started[step] in (1, 2) for step in ("one", "left", "right", "last", "child", "kept")), started
    assert sum(started.values()) <= 8 + 2
    # SAFETY: I7 — the event that a step sends exists once.
    assert stack.rows("SELECT count(*) AS n FROM events WHERE name = 'journey/told'") == [{"n": 1}]
    assert stack.rows("SELECT * FROM pending_events") == []
    assert stack.rows("SELECT * FROM waits WHERE state = 'open'") == []
    assert {row["status"] for row in stack.rows("SELECT status FROM steps")} == {"completed"}


@pytest.mark.parametrize(("failpoint", "hit"), CELLS)
def test_a_worker_killed_while_a_run_waits_loses_and_doubles_nothing(stack: Stack, failpoint: str, hit: int) -> None:
    victim = stack.work(failpoint=f"{failpoint}:kill:{hit}")
    assert stack.send("journey-1") == 0
    stack.wait_for_death(victim)
    stack.work()
    stack.wait_for_runs(2)
    _assert_as_without_faults(stack)
