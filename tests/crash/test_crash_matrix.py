"""Kill real worker processes at every commit boundary: the final state equals the fault-free one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import orders
import pytest
import redis
import services
import sqlalchemy as sa
from stack import LEASE_SECONDS, Stack, a_stack
from test_crash_journey import CELLS as WAITING_CELLS
from test_crash_limits import CELLS as LIMIT_CELLS

from workflowkit import Cron, Settings, WorkflowKit
from workflowkit.base.failpoints import FAILPOINTS

pytestmark = [pytest.mark.crash, pytest.mark.timeout(240)]

#: Failpoints of a worker's life, with the hits at which it is killed. ``record`` is passed once per attempt: its hits
#: are the first step, the fan-out, the retry and what comes near the end.
WORKER_CELLS = [
    ("match.before_commit", 1),
    ("match.after_commit", 1),
    ("claim.before_commit", 1),
    ("claim.after_commit", 1),
    *((f"record.{side}", hit) for side in ("before_commit", "after_commit") for hit in (1, 2, 3, 4, 5, 6, 7)),
    ("relay.before_commit", 1),
    ("relay.after_commit", 1),
    ("renew.before_commit", 1),
    ("renew.after_commit", 1),
    ("presence.before_commit", 1),
    ("presence.after_commit", 1),
    ("log.before_commit", 1),
    ("log.after_commit", 1),
]
#: Failpoints of what a worker's relay does at a time.
TIMER_CELLS = ("timer.before_commit", "timer.after_commit")
#: Failpoints of transactions that no worker passes: the API's tests and the sender below cover them.
NOT_OF_WORKERS = (
    "intake",
    "cancel",
    "rerun",
    "draft",
    "publish",
    "enable",
    "key",
    "webhook",
    "secret",
    "reseal",
    "delivery",
    "signal",
    "job",
    "approval",
    "message",
    "callback",
    "checkpoint",
    "adopt",
    "report",
    "pause",
    "reschedule",
    "skip",
    "sync",
    "invoke",
    "move",
    "alert",
    "archive",
    "user",
    "session",
    "login",
    "prune",
    "total",
    "connect",
    "request",
    "embed",
)


@pytest.fixture
def stack(postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[Stack]:
    with a_stack(postgres_url, redis_url, tmp_path / "stack") as opened:
        _deploy(postgres_url)
        yield opened


def _deploy(database_url: str, *more_triggers: Cron) -> None:

    wk = WorkflowKit("orders", settings=Settings(database_url=database_url))
    for spec in orders.make_app().registry:
        if spec.kind in ("effect", "flaky", "slow"):
            wk.registry.add(spec)
    triggers = [*orders.DOCUMENT["triggers"], *(trigger.as_dict() for trigger in more_triggers)]
    wk.publish(orders.WORKFLOW_ID, orders.DOCUMENT | {"triggers": triggers})
    wk.stop()


def _assert_nothing_lost_and_nothing_twice(stack: Stack) -> None:
    (run,) = stack.rows("SELECT status, output FROM runs")
    assert run == {"status": "completed", "output": '{"report":{"name":"ship"}}'}
    finals = stack.rows(
        "SELECT step_key, kind, data FROM journal WHERE kind IN ('completed','failed','skipped','cancelled')"
    )
    assert sorted(row["step_key"] for row in finals) == sorted(["$source", *orders.STEPS])
    assert {row["kind"] for row in finals} == {"completed"}
    attempts = stack.rows("SELECT step_key, count(*) AS n FROM journal WHERE kind = 'attempt' GROUP BY step_key")
    on_record = {row["step_key"]: row["n"] for row in attempts}
    started = stack.attempts()
    # SAFETY: I5 — every attempt that started was on record before; the report's ledger name is the ship step's output.
    for step in ("check", "reserve", "invoice", "notify"):
        assert 1 <= started[step] <= on_record[step], (step, started, on_record)
    assert stack.rows("SELECT * FROM pending_events") == []
    assert {row["status"] for row in stack.rows("SELECT status FROM steps")} == {"completed"}


def test_every_failpoint_of_a_worker_has_a_cell() -> None:
    covered = {name for name, _ in (*WORKER_CELLS, *WAITING_CELLS, *LIMIT_CELLS)} | {*TIMER_CELLS}
    expected = {name for name in FAILPOINTS if name.partition(".")[0] not in NOT_OF_WORKERS}
    assert covered == expected


@pytest.mark.parametrize(("failpoint", "hit"), WORKER_CELLS)
def test_a_worker_killed_at_a_commit_boundary_loses_and_doubles_nothing(stack: Stack, failpoint: str, hit: int) -> None:
    # A renewal needs a step that outlives a third of its lease, a relay tick with work a hint that nobody heard.
    slow = {"CRASH_SLOW_SECONDS": str(LEASE_SECONDS)} if failpoint.startswith("renew") else {}
    victim = stack.work(failpoint=f"{failpoint}:kill:{hit}", **slow)
    assert stack.send("order-1") == 0
    stack.wait_for_death(victim)
    stack.work()
    stack.wait_for_runs(1)
    _assert_nothing_lost_and_nothing_twice(stack)


@pytest.mark.parametrize("failpoint", TIMER_CELLS)
def test_a_scheduler_killed_at_its_commit_fires_a_missed_slot_once(
    stack: Stack, postgres_url: str, failpoint: str
) -> None:
    _deploy(postgres_url, Cron("@yearly", catch_up="last"))
    with stack.engine.begin() as connection:  # as if nobody had been there on the last New Year's Day
        connection.execute(sa.text("UPDATE schedules SET next_slot_ms = next_slot_ms - 366 * 86400000::bigint"))
        connection.execute(sa.text("UPDATE timers SET due_at_ms = 0"))
    stack.wait_for_death(stack.work(failpoint=f"{failpoint}:kill:1"))
    for _ in range(2):
        stack.work()
    stack.wait_for_runs(1)
    _assert_nothing_lost_and_nothing_twice(stack)
    (event,) = stack.rows("SELECT name, target FROM events")
    assert event == {"name": "workflow/schedule.fired", "target": orders.WORKFLOW_ID}
    (timer,) = stack.rows("SELECT timers.due_at_ms = next_due_at_ms AS is_next FROM timers, schedules")
    assert timer["is_next"]


@pytest.mark.parametrize("failpoint", ["intake.before_commit", "intake.after_commit"])
def test_a_sender_killed_at_its_commit_may_send_again_and_starts_one_run(stack: Stack, failpoint: str) -> None:
    assert stack.send("order-1", failpoint=f"{failpoint}:kill:1") == -signal.SIGKILL
    assert stack.send("order-1") == 0
    stack.work()
    stack.wait_for_runs(1)
    _assert_nothing_lost_and_nothing_twice(stack)


def test_flushing_redis_in_the_middle_loses_nothing(stack: Stack, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        for number in range(5):
            assert stack.send(f"order-{number}") == 0
        client.flushdb()
        stack.work(CRASH_SLOW_SECONDS="0.3")
        assert services.wait_until(lambda: bool(stack.attempts()["notify"]), timeout_seconds=40)
        client.flushdb()
        stack.wait_for_runs(5)
    assert {row["status"] for row in stack.rows("SELECT status FROM runs")} == {"completed"}
    finals = stack.rows("SELECT count(*) AS n FROM journal WHERE kind = 'completed'")
    assert finals[0]["n"] == 5 * (1 + len(orders.STEPS))


def test_a_worker_stopped_past_its_lease_cannot_record(stack: Stack) -> None:
    # It stops itself between its action and its commit, holding nothing but an opinion.
    zombie = stack.work(failpoint="claim.after_commit:stop:1")
    assert zombie.pid is not None
    pid = zombie.pid
    assert stack.send("order-1") == 0
    assert services.wait_until(lambda: _is_stopped(pid), timeout_seconds=40), stack.logs()
    stack.work()
    stack.wait_for_runs(1)
    before = stack.rows("SELECT * FROM journal ORDER BY run_id, revision, ordinal")
    os.kill(pid, signal.SIGCONT)
    # It goes on with its claim, records nothing but a note, and lives.
    services.wait_until(
        lambda: bool(stack.rows("SELECT 1 FROM journal WHERE kind = 'ignored'")), timeout_seconds=LEASE_SECONDS * 2
    )
    after = stack.rows("SELECT * FROM journal WHERE kind <> 'ignored' ORDER BY run_id, revision, ordinal")
    assert after == before
    assert zombie.is_alive()
    _assert_nothing_lost_and_nothing_twice(stack)


def test_two_workers_share_a_fan_out(stack: Stack) -> None:
    for _ in range(2):
        stack.work(CRASH_SLOW_SECONDS="0.2")
    for number in range(6):
        assert stack.send(f"order-{number}") == 0
    stack.wait_for_runs(6)
    workers = {
        row["worker"]
        for row in stack.rows("SELECT data::json ->> 'worker' AS worker FROM journal WHERE kind = 'attempt'")
    }
    assert len(workers) == 2


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
