"""Signals over HTTP: one run is resumed, once, and only by its own tenant."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime, at_once
from webapi import OTHER_TENANT, Web, a_web, problems_of

from workflowkit.api.services import services_of
from workflowkit.base.jsonvalue import loads
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.engine.context import StepContext


def _waiting_for(harness: Harness, signal: str, scope: Scope = DEFAULT_SCOPE) -> None:
    """Start a run that waits a day for a signal, and has what it brings as its output."""
    if harness.registry.get("durable") is None:

        def handler(ctx: StepContext, signal: str) -> Any:
            return ctx.step.wait_for_signal("signal", signal, timeout="1d")

        harness.registry.action("durable", retries=0)(handler)
    document = a_workflow().action("d", kind="durable", inputs={"signal": signal}).path("$source", "d")
    harness.deploy(document.trigger("test/happened").document(), scope=scope)
    harness.send("test/happened", scope=scope)
    harness.drain()


def test_a_signal_resumes_the_run_that_waits_for_it_once(database_url: str) -> None:
    with a_web(database_url) as web:
        _waiting_for(web.harness, "paid")
        client = web.client(["signals:send"])
        assert client.post("/api/signals", {"signal": "other"}).status_code == 404
        response = client.post("/api/signals", {"signal": "paid", "data": {"by": "ada"}})
        assert (response.status_code, response.get_json()) == (200, {"run_id": web.harness.run()["id"]})
        assert client.post("/api/signals", {"signal": "paid"}).status_code == 409
        web.harness.drain()
        assert loads(web.harness.run()["output"]) == {"d": {"by": "ada"}}


def test_of_two_signals_at_the_same_moment_one_is_taken(database_url: str) -> None:
    with a_web(database_url) as web:
        _waiting_for(web.harness, "paid")
        first, second = web.client(), web.client()
        body = {"signal": "paid"}
        answers = at_once(lambda: first.post("/api/signals", body), lambda: second.post("/api/signals", body))
        assert sorted(answer.status_code for answer in answers) == [200, 409]


def test_another_tenants_wait_is_answered_like_none(database_url: str) -> None:
    with a_web(database_url) as web:
        _waiting_for(web.harness, "paid", OTHER_TENANT)
        assert web.client().post("/api/signals", {"signal": "paid"}).status_code == 404
        assert web.client(scope=OTHER_TENANT).post("/api/signals", {"signal": "paid"}).status_code == 200


def test_the_engine_s_own_signals_can_be_neither_sent_nor_waited_for(database_url: str) -> None:
    with a_web(database_url) as web:
        response = web.client().post("/api/signals", {"signal": "workflow/approval/x"})
        assert response.status_code == 400
        assert problems_of(response) == [("/signal", "reserved-name")]
        _waiting_for(web.harness, "workflow/approval/x")
        run = web.harness.run()
        assert run["status"] == "failed"
        assert "names that begin with workflow/ are reserved" in run["error"]


@pytest.mark.parametrize("body", [{}, {"signal": ""}, {"signal": 7}, {"signal": "x" * 257}, {"signal": "x", "more": 1}])
def test_a_body_that_names_no_signal_is_refused(sqlite_url: str, body: Any) -> None:
    with a_runtime(sqlite_url, a_registry()) as harness:
        web = Web(harness, services_of(harness.runtime))
        assert web.client().post("/api/signals", body).status_code == 400
