"""What the end of a run is told by: events that other workflows have as triggers."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.jsonvalue import loads
from workflowkit.base.limits import Limits
from workflowkit.base.scope import APP_TENANT, DEFAULT_SCOPE, Scope
from workflowkit.engine.context import StepContext


def _told(harness: Harness, name: str | None = None) -> list[dict[str, Any]]:
    """Return the data of the events that tell of ends, in order, or of those of one name."""
    rows = harness.rows("SELECT name, data FROM events WHERE name LIKE 'workflow/run.%' ORDER BY id")
    return [loads(row["data"]) for row in rows if name is None or row["name"] == name]


def _ended(harness: Harness) -> dict[str, str]:
    """Return how the runs of each workflow ended; a workflow has one run."""
    return {row["workflow_id"]: row["status"] for row in harness.rows("SELECT workflow_id, status FROM runs")}


def _fails(event: str = "test/happened") -> dict[str, Any]:
    return a_workflow().action("b", kind="boom", retries=0).path("$source", "b").trigger(event).document()


def _succeeds(event: str = "test/happened", condition: str | None = None) -> dict[str, Any]:
    return a_workflow().action("a", inputs={"value": 7}).path("$source", "a").trigger(event, condition).document()


def test_a_failed_run_is_told_of_with_its_error_and_the_event_that_began_it(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_fails(), "shop.fails")
        harness.deploy(_succeeds("workflow/run.failed", "event.data.workflow_id == 'shop.fails'"), "handler")
        harness.send("test/happened", {"n": 1}, id="first")
        harness.drain()
        (data,) = _told(harness)
        (failed,) = harness.rows("SELECT id FROM runs WHERE workflow_id = 'shop.fails'")
        event = data.pop("event")
        assert data == {
            "run_id": failed["id"], "workflow_id": "shop.fails", "version": 1, "status": "failed", "reason": None,
            "error": {"name": "RuntimeError", "message": "boom", "code": "action-failed", "retryable": True},
        }  # fmt: skip
        assert (event["id"], event["name"], event["data"]) == ("first", "test/happened", {"n": 1})
        assert _ended(harness) == {"shop.fails": "failed", "handler": "completed"}
        (row,) = harness.rows("SELECT event_id, depth, source_run_id FROM events WHERE name = 'workflow/run.failed'")
        assert row == {"event_id": f"{failed['id']}.failed", "depth": 1, "source_run_id": failed["id"]}


def test_a_cancelled_run_is_told_of_with_one_text_for_all_and_the_reason(database_url: str) -> None:
    def handler(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "1h")

    registry = a_registry()
    registry.action("durable")(handler)
    with a_runtime(database_url, registry) as harness:
        harness.deploy(
            a_workflow().action("d", kind="durable").path("$source", "d").trigger("test/happened").document()
        )
        harness.deploy(_succeeds("workflow/run.cancelled"), "cleanup")
        harness.send("test/happened")
        harness.drain()
        run_id = harness.run()["id"]
        for _ in range(2):
            harness.runtime.control.cancel(DEFAULT_SCOPE, run_id)
        harness.drain()
        (data,) = _told(harness)
        assert (data["status"], data["reason"]) == ("cancelled", "cancelled-by-user")
        assert data["error"]["message"] == "the run was cancelled"
        assert harness.rows("SELECT reason FROM runs WHERE id = :id", id=run_id) == [{"reason": "cancelled-by-user"}]
        assert _ended(harness) == {"test": "cancelled", "cleanup": "completed"}


def test_a_run_that_nobody_listens_to_ends_untold(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_succeeds())
        harness.send("test/happened")
        harness.drain()
        assert harness.run()["status"] == "completed"
        assert _told(harness) == []


@pytest.mark.parametrize("pattern", ["workflow/run.finished", "workflow/*", "workflow/run.*"])
def test_whatever_becomes_of_a_run_is_told_to_those_who_listen_for_it(database_url: str, pattern: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_succeeds(pattern, "event.name == 'workflow/run.finished'"), "listener")
        harness.deploy(_succeeds(), "good")
        harness.deploy(_fails(), "bad")
        harness.send("test/happened")
        harness.drain()
        ended = {data["workflow_id"]: data for data in _told(harness, "workflow/run.finished")}
        assert {name: data["status"] for name, data in ended.items()} == {"good": "completed", "bad": "failed"}
        assert ended["good"]["output"] == {"a": 7}
        assert len(harness.rows("SELECT id FROM runs WHERE workflow_id = 'listener' AND status = 'completed'")) == 2


def test_a_function_of_the_application_hears_of_the_runs_of_every_tenant(database_url: str) -> None:
    tenant = Scope("default", "acme")
    with a_runtime(database_url) as harness:
        authoring, listener = harness.runtime.authoring, _succeeds("workflow/run.finished")
        with harness.runtime.database.transaction("publish") as tx:
            authoring.put(tx, Scope("default", APP_TENANT), "app-listener", listener, authoring.actions)
        harness.deploy(_succeeds(), "theirs", tenant)
        harness.send("test/happened", scope=tenant)
        harness.drain()
        assert [data["workflow_id"] for data in _told(harness)] == ["theirs"]


def test_a_run_that_waits_for_an_end_hears_of_it(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        return ctx.step.wait_for_event("end", "workflow/run.finished", timeout="1d")

    registry = a_registry()
    registry.action("durable")(handler)
    with a_runtime(database_url, registry) as harness:
        document = a_workflow().action("d", kind="durable").path("$source", "d").trigger("test/wait").document()
        harness.deploy(document, "waits")
        harness.deploy(_succeeds(), "good")
        harness.send("test/wait")
        harness.drain()
        harness.send("test/happened")
        harness.drain()
        assert _ended(harness) == {"waits": "completed", "good": "completed"}


def test_a_listener_that_is_published_later_is_found_within_a_second(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_succeeds())
        harness.send("test/happened")
        harness.drain()
        harness.deploy(_succeeds("workflow/run.finished"), "listener")
        harness.clock.advance(seconds=1.1)
        harness.send("test/happened")
        harness.drain()
        assert len(_told(harness)) == 1


def test_a_run_that_ends_as_it_begins_is_told_of_like_any_other(database_url: str) -> None:
    nothing = a_workflow().action("a").edge("$source", "a", type="if", ref="!ref($.event.data.never)")
    with a_runtime(database_url) as harness:
        harness.deploy(_succeeds("workflow/run.finished"), "listener")
        harness.deploy(nothing.trigger("test/happened").document(), "nothing")
        harness.send("test/happened")
        harness.drain()
        assert _ended(harness) == {"nothing": "completed", "listener": "completed"}
        (run,) = harness.rows("SELECT id FROM runs WHERE workflow_id = 'nothing'")
        harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run["id"])
        harness.drain()
        assert len(_told(harness)) == 2


@pytest.mark.parametrize(("depth", "handlers"), [(1, 1), (3, 3)])
def test_a_handler_of_all_failures_that_always_fails_makes_a_bounded_number_of_runs(
    database_url: str, depth: int, handlers: int
) -> None:
    with a_runtime(database_url, limits=Limits(handler_depth=depth)) as harness:
        harness.deploy(_fails(), "fails")
        harness.deploy(_fails("workflow/run.failed"), "handler")
        harness.send("test/happened")
        harness.drain()
        assert len(harness.rows("SELECT id FROM runs WHERE workflow_id = 'handler' AND status = 'failed'")) == handlers


def test_a_listener_to_everything_comes_to_an_end(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_succeeds("workflow/*"), "everything")
        harness.deploy(_fails(), "fails")
        harness.send("test/happened")
        harness.drain()
        # One for the failure, one for the end; and one for the end of the run that followed the failure.
        assert len(harness.rows("SELECT id FROM runs WHERE workflow_id = 'everything'")) == 3


def test_a_cleanup_that_fails_is_a_failure_that_is_told(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        waits = a_workflow().action("a", kind="boom", retries=3).path("$source", "a").trigger("test/happened")
        harness.deploy(waits.document(), "waits")
        harness.deploy(_fails("workflow/run.cancelled"), "cleanup")
        harness.send("test/happened")
        harness.drain()
        harness.runtime.control.cancel(DEFAULT_SCOPE, harness.run()["id"])
        harness.drain()
        assert [data["workflow_id"] for data in _told(harness, "workflow/run.failed")] == ["cleanup"]


def test_a_large_output_is_left_out_and_a_large_event_loses_its_data(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        small = harness.new_process(limits=Limits(told_output_bytes=100, event_bytes=150))
        harness.deploy(_succeeds("workflow/run.finished"), "listener")
        large = a_workflow().action("a", inputs={"value": "x" * 200}).path("$source", "a").trigger("test/happened")
        harness.deploy(large.document(), "large")
        for text in ("short", "long" * 50):
            harness.clock.advance(seconds=1)
            harness.send("test/happened", {"text": text})
            while harness.deliver(small):
                pass
        told = _told(harness)
        assert [data["event"]["data"] for data in told] == [{"text": "short"}, {}]
        assert not any("output" in data for data in told)


def test_the_end_and_its_event_are_one_commit(database_url: str, tmp_path: Any) -> None:
    from workflowkit.base import failpoints

    with a_runtime(database_url) as harness:
        harness.deploy(_fails(), "fails")
        harness.send("test/happened")
        failpoints.arm(f"record.before_commit:raise:1:{tmp_path / 'hits'}")
        try:
            with pytest.raises(failpoints.FailpointReached):
                harness.drain()
        finally:
            failpoints.arm("")
        assert _told(harness) == []
        assert harness.run()["status"] == "running"
        harness.skip(61)
        assert harness.run()["status"] == "failed"
        assert len(_told(harness)) == 1
