"""Runs as spans: the recorded times of a step add up, and each attempt is told by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from builders import a_workflow
from runtimes import a_registry
from webapi import OTHER_TENANT, Web, a_web

from workflowkit.definition.model import SOURCE
from workflowkit.engine.context import StepContext

#: What the acceptance of the run viewer allows: the parts of a time may differ by so much from the whole.
TOLERANCE = 0.05
PARTS = ("queue", "attempt", "retry", "wait")


@dataclass(frozen=True, slots=True)
class Told:
    """A span, as a reader of OTLP sees it."""

    id: str
    parent: str
    name: str
    begun: int
    ended: int | None
    is_error: bool
    message: str
    own: dict[str, Any]

    @property
    def took(self) -> int:
        assert self.ended is not None
        return self.ended - self.begun


def told(span: dict[str, Any]) -> Told:
    own = {each["key"].removeprefix("workflowkit."): next(iter(each["value"].values())) for each in span["attributes"]}
    ended = span.get("endTimeUnixNano")
    return Told(
        span["spanId"], span["parentSpanId"], span["name"], int(span["startTimeUnixNano"]) // 1_000_000,
        None if ended is None else int(ended) // 1_000_000, span["status"].get("code") == 2,
        span["status"].get("message", ""), own,
    )  # fmt: skip


def spans_of(web: Web, run_id: str) -> list[Told]:
    document = web.client(["runs:read"]).get(f"/api/runs/{run_id}/trace").get_json()
    (resource,) = document["resourceSpans"]
    (scope,) = resource["scopeSpans"]
    return [told(span) for span in scope["spans"]]


def kind_of(spans: list[Told], *kinds: str, inside: str | None = None) -> list[Told]:
    return [each for each in spans if each.own["span"] in kinds and inside in (None, each.parent)]


@contextmanager
def a_slow_web(database_url: str) -> Iterator[Web]:
    """Open the API over a runtime in which work takes time: the clock's, not ours."""
    registry = a_registry()
    with a_web(database_url, registry=registry) as web:
        clock = web.harness.clock

        @registry.action("work")
        def work(ctx: StepContext, milliseconds: int, failures: int = 0) -> int:
            clock.advance(milliseconds=milliseconds)
            if ctx.attempt < failures:
                raise RuntimeError(f"failure {ctx.attempt + 1}")
            return milliseconds

        @registry.action("patient")
        def patient(ctx: StepContext) -> Any:
            ctx.step.run("look", lambda: clock.advance(milliseconds=300))
            ctx.step.sleep("rest", "10m")
            reply = ctx.step.wait_for_event("reply", "order/answered", timeout="1h")
            clock.advance(milliseconds=700)
            return None if reply is None else reply["data"]

        yield web


def started(web: Web, workflow: Any) -> str:
    """Send the event, let half a second pass before a worker looks, and return the run."""
    web.harness.deploy(workflow.trigger("order/paid").document())
    event_id = web.harness.send("order/paid", {"items": [1, 2]})
    web.harness.deliver()
    web.harness.clock.advance(milliseconds=500)
    web.harness.drain()
    (row,) = web.harness.rows("SELECT id FROM runs WHERE event_id = :id AND path IS NULL", id=event_id)
    return str(row["id"])


def a_chain(web: Web) -> str:
    steps = a_workflow().action("a", "work", {"milliseconds": 40}).action("b", "work", {"milliseconds": 200})
    return started(web, steps.action("c", "work", {"milliseconds": 1000}).path(SOURCE, "a", "b", "c"))


def a_chain_that_retries(web: Web) -> str:
    steps = a_workflow().action("a", "work", {"milliseconds": 40, "failures": 2}, retries=3)
    run_id = started(web, steps.action("b", "work", {"milliseconds": 60}).path(SOURCE, "a", "b"))
    for _ in range(3):
        web.harness.skip(700)
    return run_id


def a_chain_that_waits(web: Web) -> str:
    steps = a_workflow().action("a", "patient").action("b", "work", {"milliseconds": 90}).path(SOURCE, "a", "b")
    run_id = started(web, steps)
    web.harness.skip(660)
    web.harness.clock.advance(seconds=100)
    web.harness.send("order/answered", {"n": 7})
    web.harness.drain()
    return run_id


def a_step_whose_worker_died(web: Web) -> str:
    web.harness.deploy(a_workflow().action("a", "work", {"milliseconds": 5}).path(SOURCE, "a").trigger("x").document())
    web.harness.send("x")
    web.harness.claim()
    web.harness.skip(3600)
    return str(web.harness.run()["id"])


@pytest.mark.parametrize("scenario", [a_chain, a_chain_that_retries, a_chain_that_waits, a_step_whose_worker_died])
def test_queue_execution_and_waiting_add_up_to_the_time_of_the_run(
    database_url: str, scenario: Callable[[Web], str]
) -> None:
    with a_slow_web(database_url) as web:
        spans = spans_of(web, scenario(web))
        run, steps = spans[0], kind_of(spans, "step")
        assert (run.own["span"], run.own["status"]) == ("run", "completed")
        assert run.took > 0
        for step in steps:
            parts = kind_of(spans, *PARTS, inside=step.id)
            assert sum(part.took for part in parts) == pytest.approx(step.took, rel=TOLERANCE)
            assert all(step.begun <= part.begun <= part.begun + part.took <= step.begun + step.took for part in parts)
        assert sum(step.took for step in steps) == pytest.approx(run.took, rel=TOLERANCE)


def test_steps_side_by_side_each_have_their_own_queue(database_url: str) -> None:
    with a_slow_web(database_url) as web:
        steps = a_workflow().action("a", "work", {"milliseconds": 50})
        for name in ("left", "right"):
            steps.action(name, "work", {"milliseconds": 400}).path("a", name)
        spans = spans_of(web, started(web, steps.path(SOURCE, "a")))
        by_name = {span.own["id"]: span for span in kind_of(spans, "step")}
        ready = by_name["a"].begun + by_name["a"].took
        assert by_name["left"].begun == by_name["right"].begun == ready
        queues = [span.took for side in ("left", "right") for span in kind_of(spans, "queue", inside=by_name[side].id)]
        assert sum(queues) == 400  # this worker does one after the other


def test_each_attempt_is_told_with_its_own_error(database_url: str) -> None:
    with a_slow_web(database_url) as web:
        spans = spans_of(web, a_chain_that_retries(web))
        first, second, third, _ = kind_of(spans, "attempt")
        assert [(each.own["number"], each.is_error, each.message) for each in (first, second, third)] == [
            ("1", True, "failure 1"), ("2", True, "failure 2"), ("3", False, ""),
        ]  # fmt: skip
        assert [each.took for each in (first, second, third)] == [40, 40, 40]
        assert len(kind_of(spans, "retry")) == 2


def test_what_a_handler_waits_for_is_told_and_what_it_does_after_the_last_step(database_url: str) -> None:
    with a_slow_web(database_url) as web:
        spans = spans_of(web, a_chain_that_waits(web))
        rest, reply = kind_of(spans, "inner")[1:]
        assert (rest.own["type"], rest.took) == ("sleep", 660_500)
        assert (reply.own["type"], reply.own["name"], reply.took) == ("event", "order/answered", 100_000)
        (last,) = kind_of(spans, "finalization")
        assert last.took == 700
        assert sum(span.took for span in kind_of(spans, "wait")) == 760_500


def test_a_trace_is_a_tree_and_tells_the_runs_of_a_loop(database_url: str) -> None:
    with a_slow_web(database_url) as web:
        body = {"actions": [{"id": "each", "kind": "work", "inputs": {"milliseconds": 5}}],
                "edges": [{"from": SOURCE, "to": "each"}]}  # fmt: skip
        web.harness.deploy(
            {
                "name": "Loop",
                "triggers": [{"event": "order/paid"}],
                "actions": [
                    {
                        "id": "all",
                        "kind": "builtin:for_each",
                        "inputs": {"items": "!ref($.event.data.items)"},
                        "body": body,
                    }
                ],
                "edges": [{"from": SOURCE, "to": "all"}],
            }
        )
        event_id = web.harness.send("order/paid", {"items": [1, 2]})
        web.harness.drain()
        (row,) = web.harness.rows("SELECT id FROM runs WHERE event_id = :id AND path IS NULL", id=event_id)
        spans = spans_of(web, row["id"])
        ids = [span.id for span in spans]
        assert len(set(ids)) == len(ids)
        assert all(span.parent in ids[:place] for place, span in enumerate(spans) if place)
        children = kind_of(spans, "child")
        assert [child.name for child in children] == ["item 0", "item 1"]
        assert all(child.own["run_id"] for child in children)


def test_what_goes_on_has_no_end(database_url: str) -> None:
    with a_slow_web(database_url) as web:
        run_id = started(web, a_workflow().action("a", "patient").path(SOURCE, "a"))
        spans = spans_of(web, run_id)
        assert [(span.own["span"], span.ended) for span in spans if span.ended is None] == [
            ("run", None), ("step", None), ("wait", None), ("inner", None),
        ]  # fmt: skip


def test_nobody_sees_a_trace_of_another_tenant(sqlite_url: str) -> None:
    with a_slow_web(sqlite_url) as web:
        run_id = a_chain(web)
        assert web.client(["runs:read"], scope=OTHER_TENANT).get(f"/api/runs/{run_id}/trace").status_code == 404
