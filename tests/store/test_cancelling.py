"""Runs that are cancelled: by an event, by a time limit, by a user, and with the run they are part of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime, at_once

from workflowkit.base.errors import LimitExceeded, StoreUnavailable
from workflowkit.base.jsonvalue import loads
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.context import StepContext
from workflowkit.engine.outcome import Succeeded
from workflowkit.registry import Registry

Handler = Callable[..., Any]
BY_ID = {"event": "order/cancelled", "match": "data.id"}


def _registry(**handlers: Handler) -> Registry:
    registry = a_registry()
    for kind, handler in handlers.items():
        registry.action(kind)(handler)
    return registry


def _document(*kinds: str, event: str = "order/made", **settings: Any) -> dict[str, Any]:
    """Return a chain of actions of these kinds, named after them."""
    workflow = a_workflow().trigger(event)
    for kind in kinds:
        workflow.action(kind, kind=kind)
    return workflow.path("$source", *kinds).document() | {"settings": settings}


def _run(harness: Harness, workflow_id: str = "test") -> dict[str, Any]:
    (run,) = harness.rows("SELECT * FROM runs WHERE workflow_id = :id", id=workflow_id)
    return run


def _open_rows(harness: Harness) -> list[Any]:
    """Return what must not be left of runs that have ended."""
    return [
        *harness.rows("SELECT run_id FROM steps WHERE status IN ('ready', 'running', 'sleeping', 'waiting')"),
        *harness.rows("SELECT id FROM waits WHERE state = 'open'"),
        *harness.rows("SELECT id FROM timers WHERE kind LIKE 'run.%'"),
    ]


def _nap(ctx: StepContext) -> None:
    ctx.step.sleep("nap", "2h")


# --- by an event


def test_an_event_without_a_value_cancels_no_run_without_one(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        harness.deploy(_document("nap", cancel_on=[BY_ID]))
        for data in ({}, {"id": None}):
            harness.send("order/made", data)
        harness.drain()
        harness.clock.advance(seconds=1)
        for data in ({}, {"id": None}):
            harness.send("order/cancelled", data)
        harness.drain()
        harness.skip(0)
        assert harness.column("SELECT status FROM runs") == ["waiting"] * 2


def test_an_event_cancels_the_runs_it_belongs_to_and_no_others(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        harness.deploy(_document("nap", cancel_on=[BY_ID]))
        for order in ("a", "b"):
            harness.send("order/made", {"id": order})
        harness.drain()
        harness.clock.advance(seconds=1)
        event_id = harness.send("order/cancelled", {"id": "b"})
        harness.drain()
        harness.skip(0)
        rows = harness.rows(
            "SELECT r.status, r.reason, r.reason_detail, e.data FROM runs r JOIN events e ON e.id = r.event_id"
        )
        by_order = {loads(row["data"])["id"]: row for row in rows}
        assert by_order["a"]["status"] == "waiting"
        assert (by_order["b"]["status"], by_order["b"]["reason"]) == ("cancelled", "cancelled-by-event")
        assert loads(by_order["b"]["reason_detail"]) == {"event_id": event_id}


@pytest.mark.parametrize(
    "rule",
    [
        {"event": "order/cancelled"},
        {"event": "order/*", "if": "async.data.id == event.data.id && async.data.final"},
        {"event": "order/cancelled", "if": "async.data.amount > event.data.amount"},
    ],
)
def test_the_rule_is_a_name_or_a_pattern_and_a_condition_over_both_events(
    database_url: str, rule: dict[str, Any]
) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        harness.deploy(_document("nap", cancel_on=[rule]))
        harness.send("order/made", {"id": "a", "amount": 5})
        harness.drain()
        harness.clock.advance(seconds=1)
        harness.send("order/unrelated", {"id": "a", "amount": 6})
        harness.drain()
        harness.skip(1)
        assert _run(harness)["status"] == "waiting"
        harness.send("order/cancelled", {"id": "a", "amount": 6, "final": True})
        harness.drain()
        harness.skip(0)
        assert _run(harness)["status"] == "cancelled"
        assert _open_rows(harness) == []


def test_the_event_that_starts_a_run_and_those_before_it_do_not_cancel_it(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        harness.deploy(_document("nap", cancel_on=[{"event": "order/made"}, BY_ID]))
        harness.runtime.intake.send(
            DEFAULT_SCOPE, [{"name": "order/cancelled", "data": {"id": 1}}, {"name": "order/made", "data": {"id": 1}}]
        )
        harness.drain()
        harness.skip(1)
        assert _run(harness)["status"] == "waiting"


def test_an_event_that_comes_before_the_first_step_cancels_a_run_that_then_never_starts(database_url: str) -> None:
    started: list[int] = []
    with a_runtime(database_url, _registry(first=lambda: started.append(1))) as harness:
        harness.deploy(_document("first", cancel_on=[BY_ID]))
        harness.runtime.intake.send(
            DEFAULT_SCOPE, [{"name": "order/made", "data": {"id": 1}}, {"name": "order/cancelled", "data": {"id": 1}}]
        )
        harness.drain()
        harness.skip(3)
        assert _run(harness)["status"] == "cancelled"
        assert started == []
        assert _open_rows(harness) == []


def test_a_run_that_is_to_start_later_can_be_cancelled_before(database_url: str) -> None:
    started: list[int] = []
    with a_runtime(database_url, _registry(first=lambda: started.append(1))) as harness:
        harness.deploy(_document("first", cancel_on=[BY_ID]))
        harness.send("order/made", {"id": 1}, ts=harness.clock.now_ms() + 10_000)
        harness.drain()
        assert _run(harness)["status"] == "scheduled"
        harness.skip(5)
        harness.send("order/cancelled", {"id": 1})
        harness.drain()
        harness.skip(10)
        assert (_run(harness)["status"], started) == ("cancelled", [])


def test_an_event_during_a_step_lets_it_end_and_the_next_never_starts(database_url: str) -> None:
    started: list[str] = []
    registry = _registry(next=lambda: started.append("next"))
    with a_runtime(database_url, registry) as harness:

        @registry.action("slow")
        def slow() -> str:
            harness.clock.advance(seconds=10)
            harness.send("order/cancelled", {"id": 1})
            other.worker.match(_ids(harness))
            return "done"

        other = harness.new_process()
        harness.deploy(_document("slow", "next", cancel_on=[BY_ID]))
        harness.send("order/made", {"id": 1})
        harness.drain()
        assert harness.journal("completed") == [("completed", "$source"), ("completed", "slow")]
        harness.skip(1)
        assert (_run(harness)["status"], started) == ("cancelled", [])
        assert harness.journal("cancelled") == [("cancelled", "next")]


def _ids(harness: Harness) -> list[str]:
    return harness.column("SELECT id FROM pending_events")


def test_a_run_that_is_cancelled_during_a_step_keeps_its_result_as_ignored(database_url: str) -> None:
    def handler(ctx: StepContext) -> None:
        ctx.step.run("slow", lambda: (harness.runtime.control.cancel(DEFAULT_SCOPE, ctx.run.id), "late")[1])
        started.append("next")

    started: list[str] = []
    with a_runtime(database_url, _registry(durable=handler)) as harness:
        harness.deploy(_document("durable"))
        harness.send("order/made")
        harness.drain()
        assert (_run(harness)["status"], started) == ("cancelled", [])
        assert harness.journal("ignored") == [("ignored", "durable/slow")]
        (fact,) = harness.rows("SELECT data FROM journal WHERE kind = 'ignored'")
        assert loads(fact["data"])["output"] == "late"
        harness.skip(120)
        assert started == []


def test_a_rule_with_a_time_holds_no_longer(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        harness.deploy(_document("nap", cancel_on=[BY_ID | {"timeout": "1m"}]))
        harness.send("order/made", {"id": 1})
        harness.drain()
        harness.skip(61)
        harness.send("order/cancelled", {"id": 1})
        harness.drain()
        harness.skip(1)
        assert _run(harness)["status"] == "waiting"


def test_an_event_that_is_matched_while_the_run_is_made_is_found_by_the_second_look(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        harness.deploy(_document("nap", cancel_on=[BY_ID]))
        harness.send("order/made", {"id": 1})
        harness.drain()
        harness.clock.advance(seconds=0.01)
        # As if its transaction had looked for listeners just before the run's was committed.
        harness.runtime.intake.send(DEFAULT_SCOPE, [{"name": "order/cancelled", "data": {"id": 1}}])
        with harness.runtime.database.transaction("match") as tx:
            from workflowkit.store import events

            tx.insert(events.DELETE_PENDING, [(event_id,) for event_id in _ids(harness)])
        harness.skip(1)
        assert _run(harness)["reason"] == "cancelled-by-event"


@pytest.mark.parametrize("others", [3, 4, 13])
def test_the_second_look_sees_however_many_events_are_not_for_the_run(database_url: str, others: int) -> None:
    also = {"event": "order/lost", "match": "data.id"}
    limits = Limits(lookback_events=4)
    with a_runtime(database_url, _registry(nap=_nap), limits=limits) as harness:
        harness.deploy(_document("nap", cancel_on=[also, BY_ID]))
        made = harness.send("order/made", {"id": 1})
        harness.clock.advance(seconds=0.01)
        sent = [
            {"name": name, "data": {"id": 2 + n}} for n in range(others) for name in ("order/cancelled", "order/lost")
        ]
        sent.append({"name": "order/cancelled", "data": {"id": 1}})
        # Matched before the run is made, and so by nothing but a look at them.
        harness.dispatcher.waiting.clear()
        harness.runtime.intake.send(DEFAULT_SCOPE, sent)
        harness.drain()
        harness.dispatcher.match([made])
        harness.drain()
        harness.skip(1)
        run = _run(harness)
        assert (run["status"], run["reason"]) == ("cancelled", "cancelled-by-event")
        assert _open_rows(harness) == []


def test_a_rerun_listens_too_and_what_cancelled_the_first_run_does_not_cancel_it(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        harness.deploy(_document("nap", cancel_on=[BY_ID], timeouts={"finish": "1h"}))
        harness.send("order/made", {"id": 1})
        harness.drain()
        harness.clock.advance(seconds=1)
        harness.send("order/cancelled", {"id": 1})
        harness.drain()
        harness.skip(0)
        first = _run(harness)
        harness.clock.advance(seconds=1)
        again = harness.runtime.rerunning.rerun(DEFAULT_SCOPE, first["id"])
        harness.drain()
        harness.skip(1)
        assert harness.rows("SELECT status FROM runs WHERE id = :id", id=again) == [{"status": "waiting"}]
        harness.send("order/cancelled", {"id": 1})
        harness.drain()
        harness.skip(0)
        assert harness.rows("SELECT status FROM runs WHERE id = :id", id=again) == [{"status": "cancelled"}]


def test_a_run_that_ends_by_itself_leaves_no_listener_and_no_timer(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document("noop", cancel_on=[BY_ID], timeouts={"start": "1h", "finish": "1d"}))
        harness.send("order/made", {"id": 1})
        harness.drain()
        assert _run(harness)["status"] == "completed"
        assert _open_rows(harness) == []


# --- by a time limit


def test_a_run_that_does_not_start_in_time_is_cancelled_although_no_worker_is_alive(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        scheduler = harness.new_process(queues=("elsewhere",))
        harness.deploy(_document("noop", timeouts={"start": "5s"}))
        harness.send("order/made")
        scheduler.worker.match(_ids(harness))
        harness.dispatcher.waiting.clear()
        harness.clock.advance(seconds=4.9)
        scheduler.relay.tick()
        assert _run(harness)["status"] == "queued"
        harness.clock.advance(seconds=0.1)
        scheduler.relay.tick()
        run = _run(harness)
        assert (run["status"], run["reason"]) == ("cancelled", "start-timeout")
        harness.drain()
        assert harness.journal("attempt") == []
        (event,) = harness.rows("SELECT data FROM events WHERE name = 'workflow/run.cancelled'")
        assert loads(event["data"])["reason"] == "start-timeout"


def test_the_time_to_start_is_over_once_it_has_started(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        harness.deploy(_document("nap", timeouts={"start": "5s"}))
        harness.send("order/made")
        harness.drain()
        harness.skip(10)
        assert _run(harness)["status"] == "waiting"


def test_a_run_that_sleeps_past_its_time_is_cancelled_and_not_failed(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        harness.deploy(_document("nap", timeouts={"finish": "30s"}))
        harness.send("order/made")
        harness.drain()
        harness.skip(29.9)
        assert _run(harness)["status"] == "waiting"
        harness.skip(0.1)
        run = _run(harness)
        assert (run["status"], run["reason"], run["error"]) == ("cancelled", "finish-timeout", None)
        assert _open_rows(harness) == []


def test_the_time_to_finish_counts_from_the_first_step_and_not_from_creation(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        harness.deploy(_document("nap", timeouts={"finish": "30s"}))
        harness.send("order/made", ts=harness.clock.now_ms() + 100_000)
        harness.drain()
        for _ in range(10):
            harness.skip(10)
        assert _run(harness)["status"] == "waiting"
        harness.skip(29)
        assert _run(harness)["status"] == "waiting"
        harness.skip(1)
        assert _run(harness)["reason"] == "finish-timeout"


# --- with its parent


def _invoker(**options: Any) -> Handler:
    def handler(ctx: StepContext) -> Any:
        return ctx.step.invoke("child", "child", **options)

    return handler


def test_a_cancelled_run_cancels_the_runs_it_waits_for_and_theirs(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap, outer=_invoker())) as harness:

        @harness.registry.action("middle")
        def middle(ctx: StepContext) -> Any:
            return ctx.step.invoke("grandchild", "grandchild")

        harness.deploy(_document("nap", event="never/sent"), "grandchild")
        harness.deploy(_document("middle", event="never/sent"), "child")
        harness.deploy(_document("outer"))
        harness.send("order/made")
        harness.drain()
        assert set(harness.column("SELECT status FROM runs")) == {"waiting"}
        parent = _run(harness)
        harness.runtime.control.cancel(DEFAULT_SCOPE, parent["id"])
        harness.skip(0)
        harness.skip(0)
        assert set(harness.column("SELECT status FROM runs")) == {"cancelled"}
        assert _run(harness, "child")["reason"] == "parent-ended"
        assert loads(_run(harness, "child")["reason_detail"]) == {"run_id": parent["id"]}
        assert len(harness.rows("SELECT id FROM events WHERE name = 'workflow/run.cancelled'")) == 3
        assert _open_rows(harness) == []


def test_a_child_that_is_to_be_left_alone_goes_on(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap, outer=_invoker(on_cancel="abandon"))) as harness:
        harness.deploy(_document("nap", event="never/sent"), "child")
        harness.deploy(_document("outer"))
        harness.send("order/made")
        harness.drain()
        harness.runtime.control.cancel(DEFAULT_SCOPE, _run(harness)["id"])
        harness.skip(2 * 3600)
        assert (_run(harness)["status"], _run(harness, "child")["status"]) == ("cancelled", "completed")


def test_a_child_whose_parent_has_stopped_waiting_goes_on(database_url: str) -> None:
    def outer(ctx: StepContext) -> None:
        try:
            ctx.step.invoke("child", "child", timeout="1m")
        except Exception:
            ctx.step.sleep("longer", "1h")

    with a_runtime(database_url, _registry(nap=_nap, outer=outer)) as harness:
        harness.deploy(_document("nap", event="never/sent"), "child")
        harness.deploy(_document("outer"))
        harness.send("order/made")
        harness.drain()
        harness.skip(60)
        harness.runtime.control.cancel(DEFAULT_SCOPE, _run(harness)["id"])
        harness.skip(2 * 3600)
        assert _run(harness, "child")["status"] == "completed"


def test_what_becomes_of_a_child_is_one_of_two_words(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap, outer=_invoker(on_cancel="keep"))) as harness:
        harness.deploy(_document("outer"))
        harness.send("order/made")
        harness.drain()
        assert "on_cancel: 'cancel' or 'abandon'" in _run(harness)["error"]


# --- by a user


def test_who_cancelled_a_run_and_why_is_kept_with_it(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        harness.deploy(_document("nap"))
        harness.send("order/made")
        harness.drain()
        run_id = _run(harness)["id"]
        with pytest.raises(LimitExceeded):
            harness.runtime.control.cancel(DEFAULT_SCOPE, run_id, reason="x" * 501)
        harness.runtime.control.cancel(DEFAULT_SCOPE, run_id, reason="wrong customer", actor="key:ops")
        harness.runtime.control.cancel(DEFAULT_SCOPE, run_id, reason="again", actor="key:other")
        run = _run(harness)
        assert run["reason"] == "cancelled-by-user"
        assert loads(run["reason_detail"]) == {"text": "wrong customer", "actor": "key:ops"}


# --- races


@pytest.mark.parametrize("turn", range(5))
def test_of_a_cancel_and_a_result_at_the_same_moment_one_decides(database_url: str, turn: int) -> None:
    with a_runtime(database_url) as harness:
        other = harness.new_process()
        listens = a_workflow().action("after").path("$source", "after").trigger("workflow/run.cancelled")
        harness.deploy(listens.document(), "cleanup")
        harness.deploy(_document("noop"))
        harness.send("order/made")
        claim = harness.claim()
        run_id = claim.lease.run_id
        outcomes = at_once(
            lambda: harness.runtime.worker.advance.record(claim, Succeeded(1), retries=0),
            lambda: other.control.cancel(DEFAULT_SCOPE, run_id),
            lambda: harness.runtime.control.cancel(DEFAULT_SCOPE, run_id),
        )
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)], outcomes
        (run,) = harness.rows("SELECT status FROM runs WHERE id = :id", id=run_id)
        told = harness.rows("SELECT id FROM events WHERE name = 'workflow/run.cancelled'")
        assert (run["status"], len(told)) in (("completed", 0), ("cancelled", 1))
        finals = [step for kind, step in harness.journal() if kind in ("completed", "cancelled") and step == "noop"]
        assert finals == ["noop"]


def _again(call: Callable[[], Any]) -> Any:
    """Do something twice, if the server takes it the second time only: as workers and relays do."""
    try:
        return call()
    except StoreUnavailable:
        return call()


@pytest.mark.parametrize("turn", range(3))
def test_every_cause_at_the_same_moment_cleans_up_once(database_url: str, turn: int) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        processes = [harness.new_process() for _ in range(3)]
        rules = [BY_ID, {"event": "order/*", "match": "data.id"}]
        harness.deploy(_document("nap", cancel_on=rules, timeouts={"finish": "30s"}))
        harness.deploy(_document("noop", event="workflow/run.cancelled"), "cleanup")
        harness.send("order/made", {"id": 1})
        harness.drain()
        run_id = _run(harness)["id"]
        harness.clock.advance(seconds=30)
        harness.send("order/cancelled", {"id": 1})
        ids = _ids(harness)
        outcomes = at_once(
            lambda: _again(lambda: processes[0].worker.match(ids)),
            lambda: _again(processes[1].relay.tick),
            lambda: _again(processes[2].relay.tick),
            lambda: _again(lambda: harness.runtime.control.cancel(DEFAULT_SCOPE, run_id)),
        )
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)], outcomes
        harness.skip(3)
        assert harness.rows("SELECT status FROM runs WHERE id = :id", id=run_id) == [{"status": "cancelled"}]
        assert harness.column("SELECT status FROM runs WHERE workflow_id = 'cleanup'") == ["completed"]
        assert _open_rows(harness) == []
