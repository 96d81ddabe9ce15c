"""What is told of a failure: the log has the traceback, the run's error the step and the class of what was raised."""

from __future__ import annotations

import logging
from typing import Annotated, Any

import pytest
from builders import a_workflow
from functions import Code, happen
from runtimes import Harness, a_registry, a_runtime

from workflowkit import WorkflowKit
from workflowkit.base.errors import NonRetriableError
from workflowkit.base.jsonvalue import loads
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.base.secrets import Keyring
from workflowkit.engine.context import AsyncStepContext, StepContext
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.middleware import Failure, Middleware
from workflowkit.registry import Field
from workflowkit.runtime.secrets import NewSecret

CANARY = "sk_live_C4n4ry/+9x"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="workflowkit.attempt")
    return caplog


def _told(log: pytest.LogCaptureFixture) -> list[tuple[str, str, bool]]:
    """Return the level and the end of each line, and whether a traceback comes with it."""
    return [
        (record.levelname, record.getMessage().partition(": step ")[2], record.exc_info is not None)
        for record in log.records
        if record.name == "workflowkit.attempt"
    ]


def _run(harness: Harness) -> dict[str, Any]:
    return next(row for row in harness.rows("SELECT * FROM runs ORDER BY id") if row["parent_run_id"] is None)


def look_up(key: str) -> str:
    return {"a": "found"}[key]


@pytest.mark.parametrize("is_async", [False, True])
def test_what_a_handler_raises_is_logged_with_its_traceback(
    database_url: str, log: pytest.LogCaptureFixture, is_async: bool
) -> None:
    code = Code()

    def fn(ctx: StepContext) -> str:
        return look_up("zz")

    async def async_fn(ctx: AsyncStepContext) -> str:
        return look_up("zz")

    code.function(retries=1)(async_fn if is_async else fn)
    with code.running(database_url) as harness:
        happen(harness)
        harness.skip(3_600)
        harness.drain()
        run = _run(harness)
    assert _told(log) == [
        ("WARNING", "fn: attempt 1 failed and is tried again: KeyError: 'zz'", True),
        ("ERROR", "fn: attempt 2 failed: KeyError: 'zz'", True),
    ]
    assert "in look_up" in log.text
    (last,) = [record for record in log.records if record.levelname == "ERROR"]
    assert (last.__dict__["run_id"], last.__dict__["step"], last.__dict__["attempt"]) == (run["id"], "fn", 1)
    error = {"name": "KeyError", "message": "'zz'", "code": "action-failed", "retryable": True}
    assert loads(run["error"]) == error


@pytest.mark.parametrize("is_async", [False, True])
def test_what_a_step_raises_is_logged_and_named_in_the_error_of_the_run_and_to_on_failure(
    database_url: str, log: pytest.LogCaptureFixture, is_async: bool
) -> None:
    code, told = Code(), []

    def fn(ctx: StepContext) -> None:
        ctx.step.run("charge", look_up, "zz", retries=1)

    async def async_fn(ctx: AsyncStepContext) -> None:
        await ctx.step.run("charge", look_up, "zz", retries=1)

    def after(ctx: StepContext) -> None:
        told.append(ctx.event["data"]["error"])

    async def async_after(ctx: AsyncStepContext) -> None:
        told.append(ctx.event["data"]["error"])

    code.function(retries=0, on_failure=async_after if is_async else after)(async_fn if is_async else fn)
    with code.running(database_url) as harness:
        happen(harness)
        harness.skip(3_600)
        harness.drain()
        (run,) = harness.rows("SELECT error FROM runs WHERE workflow_id = 'shop/fn'")
    assert _told(log) == [
        ("WARNING", "fn/charge: attempt 1 failed and is tried again: KeyError: 'zz'", True),
        ("ERROR", "fn/charge: attempt 2 failed: KeyError: 'zz'", True),
        ("WARNING", "fn: attempt 1 failed: KeyError: 'zz'", False),
    ]
    error = {"name": "KeyError", "message": "'zz'", "code": "step-failed", "retryable": False, "step": "charge"}
    assert loads(run["error"]) == error
    assert ErrorInfo.from_dict(error).as_dict() == error
    assert told == [error]


def test_what_is_said_on_purpose_is_one_line(database_url: str, log: pytest.LogCaptureFixture) -> None:
    code = Code()

    @code.function(retries=3)
    def fn(ctx: StepContext) -> None:
        raise NonRetriableError("the card has expired")

    with code.running(database_url) as harness:
        happen(harness)
    assert _told(log) == [("WARNING", "fn: attempt 1 failed: NonRetriableError: the card has expired", False)]


def test_no_value_of_a_secret_is_in_the_log(database_url: str, log: pytest.LogCaptureFixture) -> None:
    registry = a_registry()

    @registry.action("use", retries=1)
    def use(ctx: StepContext, key: Annotated[str, Field(secret=True)]) -> None:
        if ctx.attempt == 0:
            raise ValueError(f"handler {key}")
        ctx.step.run("inner", lambda: look_up(f"inner {key}"), retries=0)

    document = a_workflow().action("u", "use", {"key": "!secret(stripe)"}).path("$source", "u").trigger("go").document()
    with a_runtime(database_url, registry, secret_key=Keyring.generate().render()) as harness:
        harness.runtime.secrets.set(DEFAULT_SCOPE, NewSecret("stripe", CANARY))
        harness.deploy(document)
        harness.send("go", None)
        harness.drain()
        harness.skip(3_600)
        harness.drain()
    assert "ValueError: handler •••(stripe)" in log.text
    assert "KeyError: 'inner •••(stripe)'" in log.text
    assert "in look_up" in log.text
    assert CANARY not in log.text
    assert not any(record.exc_info for record in log.records if record.name == "workflowkit.attempt")


def test_an_error_that_middleware_replaces_is_not_shown(log: pytest.LogCaptureFixture) -> None:
    wk = WorkflowKit("shop")

    class Redacting(Middleware):
        def on_error(self, failure: Failure) -> ErrorInfo:
            return ErrorInfo("Failure", "something went wrong")

    wk.use(Redacting)

    @wk.function("fn", retries=0)
    def fn(ctx: StepContext) -> None:
        raise ValueError(CANARY)

    assert wk.engine.run(fn, {"name": "go", "data": {}}).status == "failed"
    assert _told(log) == [("WARNING", "fn: attempt 1 failed: Failure: something went wrong", False)]
    assert CANARY not in log.text


def test_a_handler_that_is_out_of_time_shows_where_it_was(log: pytest.LogCaptureFixture) -> None:
    wk = WorkflowKit("shop")

    def stuck() -> None:
        while True:
            pass

    @wk.function("fn", retries=0, timeout=1)
    def fn(ctx: StepContext) -> None:
        stuck()

    assert wk.engine.run(fn, {"name": "go", "data": {}}).status == "failed"
    assert _told(log) == [
        ("ERROR", "fn: attempt 1 failed: ActionTimeout: the action did not finish within 1 seconds", True)
    ]
    assert "in stuck" in log.text
