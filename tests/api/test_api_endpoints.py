"""Durable endpoints: views of a host application whose steps are durable, performed in the request until they wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from runtimes import Harness, a_runtime

from workflowkit import WorkflowKit
from workflowkit.api import create_blueprint
from workflowkit.api.services import services_of
from workflowkit.api.waiting import Waiting
from workflowkit.base.errors import DefinitionError, LeaseInterrupt, NonRetriableError
from workflowkit.base.scope import APP_TENANT, DEFAULT_SCOPE, Scope
from workflowkit.engine.context import AsyncStepContext, StepContext

Define = Callable[[WorkflowKit, Flask], None]


class Host:
    """A Flask application with durable endpoints and the blueprint, over a runtime that the test drives."""

    def __init__(self, harness: Harness, wk: WorkflowKit, app: Flask) -> None:
        self.harness, self.wk, self.app = harness, wk, app
        services = services_of(harness.runtime)
        services = replace(services, waiting=Waiting(services.database, pause=lambda _: harness.drain()))
        app.register_blueprint(create_blueprint(services, url_prefix="/workflows"))
        _, key = services.keys.create(DEFAULT_SCOPE, "test", ["http:call"])
        self.authorization = {"Authorization": f"Bearer {key}"}

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def step_rows(self) -> list[str]:
        """Return the keys of the steps of functions that have completed."""
        return [step for kind, step in self.harness.journal() if kind == "completed" and "/" in step]


@contextmanager
def a_host(database_url: str, define: Define, **settings: Any) -> Iterator[Host]:
    wk, app = WorkflowKit("shop", database_url=database_url), Flask("shop")
    define(wk, app)
    with a_runtime(database_url, wk.registry, **settings) as harness:
        vars(wk)["runtime"] = harness.runtime
        yield Host(harness, wk, app)


def test_a_handler_with_two_steps_returns_in_one_request_and_two_step_rows_exist(database_url: str) -> None:
    held: list[int] = []

    def define(wk: WorkflowKit, app: Flask) -> None:
        def add(pieces: int) -> int:
            held.append(wk.runtime.database.engine.pool.checkedout())  # type: ignore[attr-defined]
            return pieces + 1

        @app.post("/orders/<int:order>")
        @wk.durable_endpoint("order")
        def order(ctx: StepContext) -> Any:
            data = ctx.event["data"]
            first = ctx.step.run("first", add, data["body"]["pieces"])
            return {"pieces": ctx.step.run("second", add, first), "order": data["path"]["order"], "q": data["query"]}

    with a_host(database_url, define) as host:
        response = host.client.post("/orders/7?a=1", json={"pieces": 4})
        assert (response.status_code, response.get_json()) == (200, {"pieces": 6, "order": 7, "q": {"a": "1"}})
        run = host.harness.run()
        assert (run["id"], run["status"], run["workflow_id"]) == (
            response.headers["Workflowkit-Run"], "completed", "shop/order",
        )  # fmt: skip
        assert host.step_rows() == ["order/first", "order/second"]
        assert not [hint for hint in host.harness.dispatcher.waiting if hint and not isinstance(hint[0], str)]
        # While a function's code runs, the request holds no connection, and so no transaction.
        assert held == [0, 0]


def test_with_a_sleep_the_client_is_sent_to_the_result_which_later_has_the_value(database_url: str) -> None:
    def define(wk: WorkflowKit, app: Flask) -> None:
        @app.post("/x")
        @wk.durable_endpoint("x")
        def x(ctx: StepContext) -> Any:
            value = ctx.step.run("before", lambda: 3)
            ctx.step.sleep("nap", "1h")
            return value + ctx.step.run("after", lambda: 4)

    with a_host(database_url, define) as host:
        response = host.client.post("/x")
        run_id = host.harness.run()["id"]
        assert (response.status_code, response.headers["Location"]) == (303, f"/workflows/api/runs/{run_id}/result")
        assert host.step_rows() == ["x/before"]

        def result(query: str = "") -> tuple[int, Any]:
            found = host.client.get(response.headers["Location"] + query, headers=host.authorization)
            return found.status_code, found.get_json()

        assert result() == (202, {"run_id": run_id, "status": "waiting"})
        host.harness.clock.advance(seconds=3600)
        host.harness.runtime.relay.tick()
        assert result("?wait=300") == (200, 7)
        assert host.step_rows() == ["x/before", "x/nap", "x/after"]
        assert host.client.get(response.headers["Location"]).status_code == 401


def test_a_step_that_is_to_be_tried_again_is_left_to_workers(database_url: str) -> None:
    tries: list[int] = []

    def define(wk: WorkflowKit, app: Flask) -> None:
        def flaky() -> str:
            tries.append(1)
            if len(tries) == 1:
                raise RuntimeError("busy")
            return "done"

        @app.post("/x")
        @wk.durable_endpoint("x", later=lambda run_id: ({"see": run_id}, 202))
        def x(ctx: StepContext) -> str:
            return ctx.step.run("try", flaky)

    with a_host(database_url, define) as host:
        response = host.client.post("/x")
        assert (response.status_code, response.get_json()) == (202, {"see": host.harness.run()["id"]})
        assert (len(tries), host.harness.run()["status"]) == (1, "waiting")
        host.harness.skip(3600)
        assert (len(tries), host.harness.run()["status"]) == (2, "completed")


def test_a_web_process_that_dies_leaves_a_run_that_workers_finish(database_url: str) -> None:
    done: list[str] = []
    dies = [True]

    def define(wk: WorkflowKit, app: Flask) -> None:
        @app.post("/x")
        @wk.durable_endpoint("x")
        def x(ctx: StepContext) -> Any:
            ctx.step.run("first", done.append, "first")
            if dies:  # as if the process was gone: nothing is recorded any more, and the lease runs out
                dies.clear()
                raise LeaseInterrupt
            ctx.step.run("second", done.append, "second")
            return list(done)

    with a_host(database_url, define) as host:
        assert host.client.post("/x").status_code == 303
        assert host.harness.run()["status"] == "running"
        host.harness.skip(40)
        assert host.harness.run()["status"] == "completed"
        assert done == ["first", "second"]


def test_a_child_run_is_left_to_workers(database_url: str) -> None:
    where: list[str] = []

    def define(wk: WorkflowKit, app: Flask) -> None:
        @wk.function("child")
        def child(ctx: StepContext) -> str:
            where.append("child")
            return "grown"

        @app.post("/x")
        @wk.durable_endpoint("x")
        def x(ctx: StepContext) -> Any:
            return ctx.step.invoke("call", child, {})

    with a_host(database_url, define) as host:
        response = host.client.post("/x")
        assert (response.status_code, where) == (303, [])
        host.harness.drain()
        result = host.client.get(response.headers["Location"], headers=host.authorization)
        assert (result.get_json(), where) == ("grown", ["child"])


def test_an_asynchronous_handler_is_an_endpoint_too(sqlite_url: str) -> None:
    async def double(number: int) -> int:
        return number * 2

    def define(wk: WorkflowKit, app: Flask) -> None:
        @app.get("/x")
        @wk.durable_endpoint("x")
        async def x(ctx: AsyncStepContext) -> Any:
            return await asyncio.gather(ctx.step.run("a", double, 1), ctx.step.run("b", double, 2))

    with a_host(sqlite_url, define) as host:
        assert host.client.get("/x").get_json() == [2, 4]


def test_what_goes_wrong_is_a_problem_document(database_url: str) -> None:
    def define(wk: WorkflowKit, app: Flask) -> None:
        @app.post("/x")
        @wk.durable_endpoint("x", scope=Scope("default", "acme"))
        def x(ctx: StepContext) -> None:
            raise NonRetriableError("the password is x")

    with a_host(database_url, define) as host:
        response = host.client.post("/x")
        assert (response.status_code, response.get_json()["code"]) == (500, "run-failed")
        assert (host.harness.run()["id"] in response.get_json()["detail"], host.harness.run()["tenant"]) == (
            True,
            "acme",
        )
        assert "password" not in response.get_data(as_text=True)
        assert host.client.post("/x", data="{", content_type="application/json").status_code == 400
        assert host.client.post("/x", data="a=b").status_code in (400, 415)
        host.wk.pause("shop/x")
        assert host.client.post("/x").status_code == 409
        assert len(host.harness.rows("SELECT id FROM runs")) == 1


def test_a_queue_that_the_web_process_does_not_serve_is_left_to_its_workers(sqlite_url: str) -> None:
    def define(wk: WorkflowKit, app: Flask) -> None:
        @app.post("/x")
        @wk.durable_endpoint("x", queue="gpu")
        def x(ctx: StepContext) -> str:
            return "drawn"

    with a_host(sqlite_url, define) as host:
        response = host.client.post("/x")
        assert response.status_code == 303
        worker = host.harness.new_process(queues=("gpu",))
        while host.harness.deliver(worker):
            pass
        assert host.client.get(response.headers["Location"], headers=host.authorization).get_json() == "drawn"


@pytest.mark.parametrize(
    ("options", "pointers"),
    [
        ({"trigger": {"event": "a/b"}}, ["/trigger"]),
        ({"triggers": [], "concurrency": 1, "priority": "1"},
         ["/triggers", "/settings/concurrency", "/settings/priority"]),
        ({"retries": 99}, ["/settings/retries"]),
    ],
)  # fmt: skip
def test_triggers_and_flow_control_are_refused(options: dict[str, Any], pointers: list[str]) -> None:
    wk = WorkflowKit("shop", database_url="sqlite://")
    with pytest.raises(DefinitionError) as caught:
        wk.durable_endpoint("x", **options)(lambda ctx: None)
    assert [problem.pointer for problem in caught.value.problems] == pointers
    assert wk.registry.functions == {}


def _an_endpoint(wk: WorkflowKit, app: Flask) -> None:
    @app.post("/quote")
    @wk.durable_endpoint("quote", on_failure=lambda ctx: None)
    def quote(ctx: StepContext) -> int:
        return ctx.step.run("price", lambda: 7)


def _worker(database_url: str, app_version: str | None = None, *names: str) -> WorkflowKit:
    """An application as a worker has it, without the module that has the views."""
    wk = WorkflowKit("shop", app_version=app_version, database_url=database_url)
    for name in names:
        wk.function(name)(lambda ctx: None)
    return wk


def _enabled(wk: WorkflowKit) -> dict[str, bool]:
    with wk.runtime.database.read() as tx:
        rows = tx.connection.exec_driver_sql("SELECT id, enabled FROM workflows WHERE tenant = '*'").all()
    return {row[0]: bool(row[1]) for row in rows}


@pytest.mark.parametrize("version", [None, "2"])
def test_an_endpoint_outlives_a_worker_that_syncs_without_it(database_url: str, version: str | None) -> None:
    with a_host(database_url, _an_endpoint) as host:
        assert host.client.post("/quote").get_json() == 7
        worker = _worker(database_url, version, "nightly", "gone")
        worker.sync()

        assert host.client.post("/quote").get_json() == 7
        assert _enabled(host.wk) == dict.fromkeys(
            ("shop/quote", "shop/quote-failure", "shop/nightly", "shop/gone"), True
        )
        again = _worker(database_url, version, "nightly")
        assert again.sync().retired == ("shop/gone",)
        assert host.client.post("/quote").get_json() == 7
        worker.stop()
        again.stop()


def test_an_endpoint_that_another_sync_has_switched_off_comes_back_with_its_next_request(database_url: str) -> None:
    with a_host(database_url, _an_endpoint) as host:
        assert host.client.post("/quote").get_json() == 7
        other = _worker(database_url)
        other.durable_endpoint("another")(lambda ctx: None)
        assert other.sync().retired == ("shop/quote", "shop/quote-failure")

        assert host.client.post("/quote").get_json() == 7
        other.stop()


def test_an_endpoint_that_somebody_has_switched_off_stays_off(database_url: str) -> None:
    with a_host(database_url, _an_endpoint) as host:
        assert host.client.post("/quote").get_json() == 7
        host.wk.runtime.authoring.set_enabled(Scope("default", APP_TENANT), "shop/quote", False)

        assert host.client.post("/quote").status_code == 409
        worker = _worker(database_url, None, "nightly")
        worker.sync()
        assert host.client.post("/quote").status_code == 409
        worker.stop()
