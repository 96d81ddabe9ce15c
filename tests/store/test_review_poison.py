"""One thing that cannot be done must not keep others from being done."""

from __future__ import annotations

import json
import random
from typing import Any

import psycopg
import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit import triggers
from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.definition.model import SOURCE
from workflowkit.registry import Registry, load_builtin_actions
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.timers import NOTHING, POSTPONED_MS, RETRIED_MS, Fired
from workflowkit.store import waits
from workflowkit.store.statements import Sql
from workflowkit.store.timers import TimerRow, move, plan, put_off
from workflowkit.store.transactions import Transaction

OTHER = Scope("default", "other")


def _deliver_for_ever(harness: Harness) -> None:
    """Let workers fail and the relay repeat, as in production."""
    for _ in range(4):
        harness.clock.advance(seconds=3)
        harness.runtime.relay.tick()
        _merge_events(harness)
        while harness.dispatcher.waiting:
            try:
                harness.deliver()
            except Exception:  # a Celery task that failed: logged, and that was it
                continue


def _merge_events(harness: Harness) -> None:
    """Let the events that wait travel in one message, as the publisher does."""
    ids = sorted({item for message in harness.dispatcher.waiting for item in message if isinstance(item, str)})
    hints = [message for message in harness.dispatcher.waiting if isinstance(message[0], StepHint)]
    harness.dispatcher.waiting.clear()
    harness.dispatcher.waiting.extend([ids] if ids else [])
    harness.dispatcher.waiting.extend(hints)


def _completed(harness: Harness, tenant: str) -> int:
    return len(harness.rows("SELECT id FROM runs WHERE tenant = :tenant AND status = 'completed'", tenant=tenant))


def test_an_event_that_a_first_condition_cannot_be_evaluated_for_blocks_no_other_event(database_url: str) -> None:
    """Nine copies of half a megabyte are more characters than a condition may put together."""
    copies = "!ref($.event.data.text)" * 9
    document = a_workflow().action("a").edge_if(SOURCE, "a", copies).trigger("test/happened").document()
    with a_runtime(database_url) as harness:
        harness.deploy(document, "greedy")
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document(), scope=OTHER)
        harness.send("test/happened", {"text": "x" * 500_000})
        harness.send("test/happened", scope=OTHER)
        _merge_events(harness)
        _deliver_for_ever(harness)
        assert _completed(harness, "other") == 1
        assert harness.rows("SELECT id FROM pending_events") == []
        assert harness.rows("SELECT reason FROM decisions") != [] or harness.rows("SELECT id FROM runs") != []


def test_a_version_that_this_code_cannot_read_blocks_no_other_event(database_url: str) -> None:
    """After a deployment was rolled back, versions may be there that only the newer code understands."""
    newer = a_workflow().action("a").edge(SOURCE, "a", type="some-day", ref="!ref($.event.data.n)").document()
    with a_runtime(database_url) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document(), "newer")
        _publish_unchecked(harness, "newer", newer)
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document(), scope=OTHER)
        harness.send("test/happened")
        harness.send("test/happened", scope=OTHER)
        _merge_events(harness)
        _deliver_for_ever(harness)
        assert _completed(harness, "other") == 1


def test_a_run_whose_version_cannot_be_read_can_be_cancelled(database_url: str) -> None:
    newer = a_workflow().action("a").edge(SOURCE, "a", type="some-day", ref="!ref($.event.data.n)").document()
    with a_runtime(database_url) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document(), "newer")
        harness.send("test/happened")
        harness.match()
        _publish_unchecked(harness, "newer", newer)
        with harness.runtime.database.transaction("cancel") as tx:
            tx.run(Sql("UPDATE runs SET version = 2"))
        assert harness.new_process().control.cancel(DEFAULT_SCOPE, harness.run()["id"]) == "cancelled"


def _publish_unchecked(harness: Harness, workflow_id: str, document: dict[str, Any]) -> None:
    from workflowkit.store import workflows

    with harness.runtime.database.transaction("publish") as tx:
        workflows.insert_version(tx, DEFAULT_SCOPE, workflow_id, version=2, execution_hash="x", document=document)
        tx.run(Sql("UPDATE workflow_triggers SET version = 2 WHERE workflow_id = 'newer'"))


def test_an_event_time_that_no_database_can_hold_fails_the_step_at_once(database_url: str) -> None:
    registry, executed = a_registry(), []

    @registry.action("late")
    def late(ctx: Any) -> None:
        executed.append(ctx.attempt)
        ctx.send_event("test/told", {}, ts_ms=10**30)

    document = a_workflow().action("a", "late", retries=0).edge(SOURCE, "a").trigger("test/happened").document()
    with a_runtime(database_url, registry) as harness:
        harness.deploy(document)
        harness.send("test/happened")
        for _ in range(3):
            try:
                harness.drain()
            except Exception:
                harness.clock.advance(seconds=31)
                harness.runtime.relay.tick()
        assert harness.run()["status"] == "failed"
        assert len(executed) == 1


def test_limits_of_the_installation_hold_in_its_workers(database_url: str) -> None:
    limits = Limits(output_bytes=100, events_per_step=1)
    document = a_workflow().action("a", inputs={"value": "x" * 1_000}).edge(SOURCE, "a").trigger("t/h").document()
    with a_runtime(database_url, limits=limits) as harness:
        harness.deploy(document)
        harness.send("t/h")
        harness.drain()
        assert json.loads(harness.run()["error"])["code"] == "output-too-large"


def test_a_worker_of_an_older_deployment_leaves_kinds_it_does_not_know_to_others(database_url: str) -> None:
    """F19: the kind is registered in the new process only; the old one serves the same queue."""
    old, new = Registry(), a_registry()
    load_builtin_actions(old)
    with a_runtime(database_url, new) as harness:
        harness.deploy(a_workflow().chain("a").trigger("t/h").document())
        event_id = harness.send("t/h")
        harness.registry = old
        outdated = harness.new_process()
        harness.dispatcher.waiting.clear()
        outdated.worker.match([event_id])
        for _ in range(20):
            harness.skip(30)
        assert harness.run()["status"] == "completed"


def test_a_fault_of_ours_in_one_start_stops_that_run_only(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from workflowkit.runtime import matching
    from workflowkit.runtime.position import start_run

    def faulty(batch: Any, run: Any, *arguments: Any, **options: Any) -> Any:
        if run.scope != OTHER:
            raise ZeroDivisionError
        return start_run(batch, run, *arguments, **options)

    monkeypatch.setattr(matching, "start_run", faulty)
    chain = a_workflow().chain("a").trigger("test/happened").document()
    with a_runtime(database_url) as harness:
        harness.deploy(chain)
        harness.deploy(chain, scope=OTHER)
        harness.send("test/happened")
        harness.send("test/happened", scope=OTHER)
        _merge_events(harness)
        harness.drain()
        assert _completed(harness, "other") == 1
        (decision,) = harness.rows("SELECT reason, detail FROM decisions")
        assert decision == {"reason": "start-failed", "detail": "ZeroDivisionError"}


#: As long as a path into an event may be written, and of characters that no database can make smaller.
LONG_NAME = "".join(map(chr, random.Random(7).choices(range(0x4E00, 0x9FA5), k=1_800)))
LONG_PATH = f'async.data["{LONG_NAME}"] == event.data.key'


@pytest.mark.parametrize("kind", ["cancel_on", "wait"])
def test_what_is_matched_by_a_very_long_path_is_matched(database_url: str, kind: str) -> None:
    settings: dict[str, Any] = {"cancel_on": [{"event": "test/came", "if": LONG_PATH}]} if kind == "cancel_on" else {}
    inputs = {"event": "test/came", "condition": LONG_PATH} if kind == "wait" else {"event": "test/never"}
    document = (
        a_workflow()
        .action("w", "builtin:wait_for_event", inputs | {"timeout": "1d"})
        .path("$source", "w")
        .trigger("test/happened")
    )
    with a_runtime(database_url) as harness:
        harness.deploy(document.settings(**settings).document())
        harness.send("test/happened", {"key": "k"})
        harness.drain()
        harness.send("test/came", {LONG_NAME: "another"})
        harness.drain()
        assert harness.run()["status"] == "waiting"
        harness.send("test/came", {LONG_NAME: "k"})
        _deliver_for_ever(harness)
        assert harness.run()["status"] == ("cancelled" if kind == "cancel_on" else "completed")


def test_a_statement_that_can_never_be_done_is_not_a_database_that_is_away(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        for opened in (harness.runtime.database.transaction("match"), harness.runtime.database.read()):
            with pytest.raises(psycopg.errors.ProgramLimitExceeded), opened as tx:
                waits.note_path(tx, DEFAULT_SCOPE, "test/came", LONG_NAME)


@pytest.mark.parametrize(
    ("fault", "by_ms"), [(ZeroDivisionError(), POSTPONED_MS), (StoreUnavailable("it gave up"), RETRIED_MS)]
)
def test_an_event_that_cannot_be_matched_is_put_off_alone(
    database_url: str, monkeypatch: pytest.MonkeyPatch, fault: Exception, by_ms: int
) -> None:
    from workflowkit.runtime import matching

    def faulty(event: Any, *arguments: Any, **options: Any) -> Any:
        if event["data"].get("bad") and faults:
            raise fault
        return triggers.match(event, *arguments, **options)

    faults = [True]
    monkeypatch.setattr(matching, "match", faulty)
    chain = a_workflow().chain("a").trigger("test/happened").document()
    with a_runtime(database_url) as harness:
        harness.deploy(chain)
        harness.deploy(chain, scope=OTHER)
        bad = harness.send("test/happened", {"bad": True})
        for _ in range(3):
            harness.send("test/happened", scope=OTHER)
        _merge_events(harness)
        harness.drain()
        assert _completed(harness, "other") == 3
        (pending,) = harness.rows("SELECT id, wake_at_ms FROM pending_events")
        assert pending == {"id": bad, "wake_at_ms": harness.clock.now_ms() + by_ms}
        faults.clear()  # the code that is deployed next
        harness.skip(by_ms / 1000)
        harness.drain()
        assert _completed(harness, DEFAULT_SCOPE.tenant) == 1


def test_a_step_that_cannot_be_claimed_keeps_no_other_from_being_executed(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document())
        for _ in range(3):
            harness.send("test/happened")
        _merge_events(harness)
        matched = harness.match()
        hints = [opening.hint for opening in matched.openings]
        advance = harness.runtime.worker.advance
        claim = advance.claim

        def faulty(opening: Any, **options: Any) -> Any:
            if opening.hint == hints[0]:
                raise ZeroDivisionError
            return claim(opening, **options)

        monkeypatch.setattr(advance, "claim", faulty)
        with pytest.raises(ZeroDivisionError):  # which ends the task
            harness.runtime.worker.execute(hints)
        harness.drain()
        statuses = {row["id"]: row["status"] for row in harness.rows("SELECT id, status FROM runs")}
        assert [statuses[hint.run_id] for hint in hints] == ["queued", "completed"]


def test_a_condition_that_cannot_be_evaluated_lets_no_action_be_executed_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workflowkit.engine import planner

    def faulty(text: str) -> Any:
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr(planner, "compile_expression", faulty)
    charged: list[str] = []
    registry = a_registry()
    registry.action("charge")(lambda: charged.append("once"))
    document = (
        a_workflow().action("c", kind="charge").action("n", "noop", skip_if="event.data.n > 1")
        .path("$source", "c", "n").trigger("test/happened").document()
    )  # fmt: skip
    with a_runtime(database_url, registry) as harness:
        harness.deploy(document)
        harness.send("test/happened", {"n": 1})
        _deliver_for_ever(harness)
        assert charged == ["once"]
        assert harness.run()["status"] == "failed"
        assert json.loads(harness.run()["error"])["message"].endswith("skip_if: internal error")


def test_a_timer_that_takes_the_database_away_keeps_no_other_from_being_fired(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        fired: list[str] = []
        timers = harness.runtime.timers

        def unavailable(tx: Transaction, timer: TimerRow) -> Fired:
            raise StoreUnavailable("it has asked for too much")

        def note(tx: Transaction, timer: TimerRow) -> Fired:
            fired.append(timer.id)
            return NOTHING

        timers.handle("test.bad", unavailable)
        timers.handle("test.good", note)
        with harness.runtime.database.transaction("timer") as tx:
            plan(tx, [TimerRow(kind, kind, DEFAULT_SCOPE, "s", tx.now_ms) for kind in ("test.bad", "test.good")])
        assert timers.fire_due() == 2
        assert fired == ["test.good"]
        (left,) = harness.rows("SELECT id, due_at_ms FROM timers")
        assert left == {"id": "test.bad", "due_at_ms": harness.clock.now_ms() + RETRIED_MS}


def test_a_timer_that_somebody_has_fired_is_not_put_off(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        timer = TimerRow("t", "test", DEFAULT_SCOPE, "s", harness.clock.now_ms(), {"done": 0})
        with harness.runtime.database.transaction("timer") as tx:
            plan(tx, [timer])
            move(tx, timer, due_at_ms=tx.now_ms + 1, data={"done": 9})
            put_off(tx, timer, due_at_ms=tx.now_ms + RETRIED_MS)
        (left,) = harness.rows("SELECT due_at_ms, data FROM timers")
        assert left == {"due_at_ms": harness.clock.now_ms() + 1, "data": '{"done":9}'}
