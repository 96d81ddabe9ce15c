"""A user's document runs none of the application's functions: they trust whoever calls them."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from functions import Code, happen
from runtimes import Harness

from workflowkit.base.errors import DefinitionError
from workflowkit.engine.context import StepContext


def _code() -> tuple[Code, list[Any]]:
    """Return an application with a function that nothing starts but its own code, and what it was called with."""
    code = Code()
    called: list[Any] = []

    @code.function("charge", triggers=[])
    def charge(ctx: StepContext) -> str:
        called.append(ctx.event["data"])
        return "charged"

    @code.registry.action("pay")
    def pay(ctx: StepContext, amount: int) -> Any:
        return ctx.step.invoke("charge", charge, {"amount": amount})

    return code, called


def _runs(harness: Harness) -> dict[str, str]:
    return {row["workflow_id"]: row["status"] for row in harness.rows("SELECT workflow_id, status FROM runs")}


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("workflow", ["shop/charge", "!ref($.event.data.which)"])
def test_running_a_workflow_reaches_no_function(database_url: str, workflow: str, wait: bool) -> None:
    code, called = _code()
    inputs = {"workflow": workflow, "data": {"amount": 1}, "wait": wait}
    document = a_workflow().action("call", "builtin:run_workflow", inputs).path("$source", "call")
    with code.running(database_url) as harness:
        harness.deploy(document.trigger("test/happened").document())
        happen(harness, {"which": "shop/charge"})
        assert _runs(harness) == {"test": "failed"}
        assert called == []


@pytest.mark.parametrize("setting", ["on_failure", "on_cancel"])
def test_a_function_does_not_follow_the_end_of_a_users_run(database_url: str, setting: str) -> None:
    code, _ = _code()
    document = a_workflow().chain("a").document() | {"settings": {setting: {"workflow": "shop/charge"}}}
    with code.running(database_url) as harness:
        with pytest.raises(DefinitionError) as caught:
            harness.deploy(document)
        assert [problem.pointer for problem in caught.value.problems] == [f"/settings/{setting}/workflow"]


@pytest.mark.parametrize("setting", ["on_failure", "on_cancel"])
def test_nor_does_it_if_the_document_pretends_to_be_a_function(database_url: str, setting: str) -> None:
    code, _ = _code()
    document = a_workflow().action("a", "function:shop/charge").path("$source", "a").document()
    with code.running(database_url) as harness:
        with pytest.raises(DefinitionError) as caught:
            harness.deploy(document | {"settings": {setting: {"workflow": "shop/charge"}}})
        assert "/actions/0/kind" in [problem.pointer for problem in caught.value.problems]


def test_an_action_of_the_application_may_invoke_a_function_for_a_document(database_url: str) -> None:
    code, called = _code()
    document = a_workflow().action("pay", "pay", {"amount": 5}).path("$source", "pay").trigger("test/happened")
    with code.running(database_url) as harness:
        harness.deploy(document.document())
        happen(harness)
        assert _runs(harness) == {"test": "completed", "shop/charge": "completed"}
        assert called == [{"amount": 5}]
