"""What follows the end of a run (``on_failure``, ``on_cancel``): once, whatever ended it, and after what it did is
undone."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base import failpoints
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry


def _registry(log: list[Any]) -> Registry:
    registry = a_registry()

    @registry.action("note")
    def note(value: Any) -> Any:
        log.append(value)
        return value

    @registry.action("nap")
    def nap(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "1h")

    return registry


def _graph(value: Any, kind: str = "note", step: str = "tell") -> dict[str, Any]:
    """Return a graph of one step."""
    graph = a_workflow().action(step, kind, {"value": value} if kind == "note" else {"message": value}, retries=0)
    found = graph.path("$source", step).document()
    return {"actions": found["actions"], "edges": found["edges"]}


TOLD = {
    "who": "!ref($.event.data.who)",
    "why": "!ref($.error.message)",
    "code": "!ref($.error.code)",
    "first": "!ref($.state.first)",
    "missing": "!ref($.state.last)",
}


def _document(*, ends: str = "boom", compensate: bool = False, **settings: Any) -> dict[str, Any]:
    """Return a workflow of a step that completes, one that fails or sleeps, and one that is never reached."""
    undo: Any = {"compensate": {"kind": "note", "inputs": {"value": "undo !ref($.state.first)"}}} if compensate else {}
    document = a_workflow().action("first", inputs={"value": 1}, **undo).action("middle", ends, retries=0)
    written = document.action("last").path("$source", "first", "middle", "last").trigger("test/happened").document()
    return written | {"settings": settings}


def _start(harness: Harness, document: dict[str, Any]) -> str:
    harness.deploy(document)
    harness.send("test/happened", {"who": "Ada"}, id="event-1")
    harness.drain()
    first, *_ = harness.rows("SELECT id FROM runs WHERE path IS NULL AND workflow_id = 'test' ORDER BY depth")
    return str(first["id"])


def test_a_graph_that_follows_a_failure_sees_the_event_the_error_and_what_was_reached(database_url: str) -> None:
    log: list[Any] = []
    with a_runtime(database_url, _registry(log)) as harness:
        run_id = _start(harness, _document(on_failure=_graph(TOLD)))
        assert log == [{"who": "Ada", "why": "boom", "code": "action-failed", "first": 1, "missing": None}]
        (handler,) = harness.rows("SELECT * FROM runs WHERE path IS NOT NULL")
        assert (handler["path"], handler["parent_run_id"], handler["status"]) == ("$on_failure", run_id, "completed")
        (run,) = harness.rows("SELECT status FROM runs WHERE id = :id", id=run_id)
        assert run["status"] == "failed"


def test_a_cancelled_run_is_no_failed_one_and_has_its_own_graph(database_url: str) -> None:
    log: list[Any] = []
    settings: Any = {"on_failure": _graph("failure", step="other"), "on_cancel": _graph(TOLD)}
    with a_runtime(database_url, _registry(log)) as harness:
        run_id = _start(harness, _document(ends="nap", **settings))
        harness.runtime.control.cancel(DEFAULT_SCOPE, run_id)
        harness.runtime.control.cancel(DEFAULT_SCOPE, run_id)
        harness.drain()
        assert log == [
            {"who": "Ada", "why": "the run was cancelled", "code": "run-cancelled", "first": 1, "missing": None}
        ]


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"timeouts": {"finish": "10m"}}, lambda harness: harness.skip(601)),
        ({"cancel_on": [{"event": "stop/it"}]}, lambda harness: harness.send("stop/it")),
        ({"timeouts": {"start": "10m"}}, lambda harness: harness.skip(601)),
    ],
    ids=["finish", "event", "start"],
)
def test_the_graph_of_a_cancellation_follows_whatever_cancelled_the_run(
    database_url: str, settings: dict[str, Any], cause: Any
) -> None:
    log: list[Any] = []
    with a_runtime(database_url, _registry(log)) as harness:
        document = _document(ends="nap", on_cancel=_graph("!ref($.event.data.who)"), **settings)
        harness.deploy(document)
        ts: Any = {"ts": harness.clock.now_ms() + 3_600_000} if "start" in str(settings) else {}
        harness.send("test/happened", {"who": "Ada"}, **ts)
        harness.drain()
        cause(harness)
        for _ in range(3):
            harness.skip(5)
        assert log == ["Ada"]


def test_a_run_that_completes_is_followed_by_nothing(database_url: str) -> None:
    log: list[Any] = []
    with a_runtime(database_url, _registry(log)) as harness:
        _start(harness, _document(ends="noop", on_failure=_graph("f"), on_cancel=_graph("c", step="c")))
        assert (log, len(harness.rows("SELECT 1 FROM runs"))) == ([], 1)


def test_what_the_run_did_is_undone_before_its_failure_is_handled(database_url: str) -> None:
    log: list[Any] = []
    with a_runtime(database_url, _registry(log)) as harness:
        _start(harness, _document(compensate=True, on_failure=_graph(TOLD)))
        assert log == [
            "undo 1", {"who": "Ada", "why": "boom", "code": "action-failed", "first": 1, "missing": None}
        ]  # fmt: skip
        paths = harness.column("SELECT path FROM runs WHERE parent_run_id IS NOT NULL")
        assert sorted(paths) == ["$compensate", "$on_failure"]


def test_a_graph_that_fails_itself_is_followed_by_nothing(database_url: str) -> None:
    log: list[Any] = []
    with a_runtime(database_url, _registry(log)) as harness:
        _start(harness, _document(on_failure=_graph("boom again", "boom")))
        rows = harness.rows("SELECT path, status FROM runs ORDER BY path IS NOT NULL")
        assert [(row["path"], row["status"]) for row in rows] == [(None, "failed"), ("$on_failure", "failed")]


def _handling(value: Any) -> dict[str, Any]:
    return a_workflow("Handler").action("tell", "note", {"value": value}).path("$source", "tell").document()


def test_another_workflow_is_told_of_the_failure(database_url: str) -> None:
    log: list[Any] = []
    handler = _handling(
        {
            "run": "!ref($.event.data.run_id)",
            "of": "!ref($.event.data.workflow_id)",
            "name": "!ref($.event.name)",
            "who": "!ref($.event.data.event.data.who)",
            "why": "!ref($.event.data.error.message)",
        }
    )
    with a_runtime(database_url, _registry(log)) as harness:
        harness.deploy(handler, "support")
        run_id = _start(harness, _document(compensate=True, on_failure={"workflow": "support"}))
        assert log == [
            "undo 1",
            {"run": run_id, "of": "test", "name": "workflow/run.failed", "who": "Ada", "why": "boom"},
        ]
        (run,) = harness.rows("SELECT depth FROM runs WHERE workflow_id = 'support'")
        assert run["depth"] == 1


def test_a_workflow_that_handles_its_own_failures_comes_to_an_end(database_url: str) -> None:
    log: list[Any] = []
    with a_runtime(database_url, _registry(log)) as harness:
        _start(harness, _document(on_failure={"workflow": "test"}))
        harness.skip(5)
        assert harness.column("SELECT status FROM runs") == ["failed", "failed"]


@pytest.mark.parametrize("side", ["before_commit", "after_commit"])
def test_a_worker_that_dies_as_the_run_ends_doubles_and_loses_no_handler(database_url: str, side: str) -> None:
    log: list[Any] = []
    hits: list[str] = []

    class Died(BaseException):
        pass

    def die(name: str) -> None:
        if name == f"record.{side}":
            hits.append(name)
            if len(hits) == 2:
                raise Died

    with a_runtime(database_url, _registry(log)) as harness:
        stop = failpoints.listen(die)
        try:
            with pytest.raises(Died):
                _start(harness, _document(on_failure=_graph("told")))
        finally:
            stop()
        harness.dispatcher.waiting.clear()
        for _ in range(4):
            harness.skip(31)
        assert log == ["told"]
        assert len(harness.rows("SELECT 1 FROM runs WHERE path = '$on_failure'")) == 1


@pytest.mark.parametrize("handler", ["graph", "workflow"])
def test_a_run_that_fails_as_it_begins_is_followed_too(database_url: str, handler: str) -> None:
    log: list[Any] = []
    with a_runtime(database_url, _registry(log)) as harness:
        harness.deploy(_handling("told by event"), "support")
        on_failure = _graph("told") if handler == "graph" else {"workflow": "support"}
        document = a_workflow().action("a", disabled=True).path("$source", "a").trigger("test/happened").document()
        broken = {"outputs": {"type": "object", "required": ["a"]}, "settings": {"on_failure": on_failure}}
        _start(harness, document | broken)
        harness.skip(5)
        (run,) = harness.rows("SELECT status FROM runs WHERE path IS NULL AND workflow_id = 'test'")
        assert run["status"] == "failed"
        assert log == ["told" if handler == "graph" else "told by event"]


def test_items_of_a_loop_are_no_runs_whose_end_is_handled(database_url: str) -> None:
    log: list[Any] = []
    document = a_workflow().action("each", "builtin:for_each", {"items": [1, 2]}).path("$source", "each")
    written = document.trigger("test/happened").document() | {"settings": {"on_failure": _graph("once")}}
    written["actions"][0]["body"] = a_workflow().action("in", "boom", retries=0).path("$source", "in").document()
    with a_runtime(database_url, _registry(log)) as harness:
        _start(harness, written)
        harness.skip(5)
        assert log == ["once"]


def test_a_loop_in_a_graph_that_follows_sees_the_error_and_the_item(database_url: str) -> None:
    log: list[Any] = []
    graph = a_workflow().action("each", "builtin:for_each", {"items": [1, 2]}).path("$source", "each").document()
    graph["actions"][0]["body"] = _graph("!ref($.item): !ref($.error.message), !ref($.state.first)")
    on_failure = {"actions": graph["actions"], "edges": graph["edges"]}
    with a_runtime(database_url, _registry(log)) as harness:
        _start(harness, _document(on_failure=on_failure))
        assert log == ["1: boom, 1", "2: boom, 1"]
