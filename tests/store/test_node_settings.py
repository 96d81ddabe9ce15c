"""Settings of a node that decide whether and when it is executed: skip_if, disabled, backoff, retry_on, cache."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.errors import NonRetriableError
from workflowkit.base.scope import Scope
from workflowkit.registry import Registry


def _run(harness: Harness, document: dict[str, Any], data: Any = None) -> dict[str, Any]:
    harness.deploy(document)
    harness.send("test/happened", data)
    harness.drain()
    return harness.run()


def _reasons(harness: Harness) -> dict[str, str]:
    rows = harness.rows("SELECT step_key, data FROM journal WHERE kind IN ('skipped', 'failed', 'completed')")
    return {row["step_key"]: json.loads(row["data"] or "{}").get("reason") for row in rows}


@pytest.mark.parametrize(("total", "expected"), [(5, "skip-if"), (50, None)])
def test_a_node_whose_skip_if_holds_is_passed_by_and_what_follows_goes_on(
    database_url: str, total: int, expected: str | None
) -> None:
    document = (
        a_workflow()
        .action("first", inputs={"value": "!ref($.event.data.total)"})
        .action("check", inputs={"value": "checked"}, skip_if="state.first < 10 && event.data.total < 10")
        .action("last", inputs={"value": "!ref($.state.check)"})
        .path("$source", "first", "check", "last")
        .trigger("test/happened")
        .document()
    )
    with a_runtime(database_url) as harness:
        run = _run(harness, document, {"total": total})
        assert run["status"] == "completed"
        assert json.loads(run["output"]) == {"last": None if expected else "checked"}
        assert _reasons(harness)["check"] == expected


def test_a_disabled_node_is_passed_by_and_its_conditions_see_null(database_url: str) -> None:
    document = (
        a_workflow()
        .action("off", kind="boom", disabled=True)
        .actions("yes", "no")
        .path("$source", "off")
        .edge_if("off", "yes")
        .edge_else("off", "no")
        .trigger("test/happened")
        .document()
    )
    with a_runtime(database_url) as harness:
        assert _run(harness, document)["status"] == "completed"
        reasons = _reasons(harness)
        assert reasons == {"$source": None, "off": "disabled", "yes": "condition-false", "no": None}


def test_a_skip_if_that_cannot_be_evaluated_fails_the_node_instead_of_executing_it(database_url: str) -> None:
    calls: list[str] = []
    registry = a_registry()
    registry.action("note")(lambda: calls.append("called"))
    document = (
        a_workflow()
        .action(
            "n", kind="note", skip_if="event.data.list.all(x, event.data.list.all(y, event.data.list.all(z, true)))"
        )
        .path("$source", "n")
        .trigger("test/happened")
        .document()
    )
    with a_runtime(database_url, registry) as harness:
        run = _run(harness, document, {"list": list(range(100))})
        assert run["status"] == "failed"
        assert "skip_if" in run["error"]
        assert calls == []


@pytest.mark.parametrize(
    ("backoff", "pauses"),
    [
        ({"type": "fixed", "delay": "10s"}, [10, 10, 10]),
        ({"type": "linear", "delay": "10s"}, [10, 20, 30]),
        ({"type": "exponential", "delay": "10s", "factor": 3, "max_delay": "1m"}, [10, 30, 60]),
    ],
)
def test_a_node_has_pauses_of_its_own(database_url: str, backoff: dict[str, Any], pauses: list[int]) -> None:
    document = (
        a_workflow().action("a", kind="boom", retries=3, backoff=backoff).path("$source", "a").trigger("test/happened")
    )
    with a_runtime(database_url) as harness:
        _run(harness, document.document())
        for pause in pauses:
            harness.skip(pause - 0.001)
            before = len(harness.journal("attempt"))
            harness.skip(0.001)
            assert len(harness.journal("attempt")) == before + 1
        assert harness.run()["status"] == "failed"


def test_only_errors_that_are_named_are_tried_again(database_url: str) -> None:
    registry = a_registry()

    @registry.action("raises")
    def raises(error: str) -> None:
        raise {"value": ValueError, "runtime": RuntimeError, "final": NonRetriableError}[error]("no")

    for error, attempts in (("value", 3), ("runtime", 1), ("final", 1)):
        document = (
            a_workflow()
            .action("a", kind="raises", inputs={"error": error}, retries=2, retry_on=["ValueError", "non-retriable"])
            .path("$source", "a")
            .trigger(f"test/{error}")
            .document()
        )
        with a_runtime(database_url, registry) as harness:
            harness.deploy(document, error)
            harness.send(f"test/{error}")
            harness.drain()
            harness.skip(3600)
            harness.skip(3600)
            rows = harness.rows(
                "SELECT count(*) AS n FROM journal j JOIN runs r ON j.run_id = r.id"
                " WHERE j.kind = 'attempt' AND r.workflow_id = :id",
                id=error,
            )
            assert rows == [{"n": attempts}]


def _counting() -> tuple[Registry, list[Any]]:
    registry, calls = a_registry(), []

    @registry.action("count")
    def count(value: Any = None) -> Any:
        calls.append(value)
        return len(calls)

    return registry, calls


def test_an_output_is_used_again_for_equal_keys_of_one_tenant_until_it_is_too_old(database_url: str) -> None:
    registry, calls = _counting()
    document = (
        a_workflow()
        .action("c", kind="count", inputs={"value": 1}, cache={"key": "!ref($.event.data.id)", "ttl": "1h"})
        .path("$source", "c")
        .trigger("test/happened")
        .document()
    )
    other = Scope("default", "other")
    with a_runtime(database_url, registry) as harness:
        harness.deploy(document)
        harness.deploy(document, scope=other)

        def outputs(data: Any, **where: Any) -> Any:
            event_id = harness.send("test/happened", data, **where)
            harness.drain()
            (run,) = harness.rows("SELECT output FROM runs WHERE event_id = :id", id=event_id)
            return json.loads(run["output"])["c"]

        assert [outputs({"id": 1}), outputs({"id": 1}), outputs({"id": 2})] == [1, 1, 2]
        assert outputs({"id": 1}, scope=other) == 3
        assert _reasons(harness)["c"] in ("cached", None)
        harness.clock.advance(seconds=3600)
        assert outputs({"id": 1}) == 4
        assert len(calls) == 4
