"""Registering code functions: what they become, and everything that is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from workflowkit import Cron, Event, Function, StepContext, StepError, WorkflowKit
from workflowkit.base.errors import AlreadyExists, DefinitionError
from workflowkit.definition import parse
from workflowkit.definition.model import Workflow


def _wk(app_id: str = "shop") -> WorkflowKit:
    return WorkflowKit(app_id, database_url="sqlite://")


def _handler(ctx: Any) -> None:
    """Welcome a user.

    More about it.
    """


async def _async_handler(ctx: Any) -> None: ...


def _parsed(made: Function[..., Any]) -> Workflow:
    class Kinds:
        def get(self, kind: str) -> Any:
            return made.spec if kind == made.spec.kind else None

        def kinds(self) -> tuple[str, ...]:
            return (made.spec.kind,)

    return parse(dict(made.document), Kinds())


def test_a_function_is_a_workflow_of_one_action() -> None:
    made = _wk().function("welcome", trigger=Event("user/created", "event.data.n > 0"), retries=2)(_handler)

    assert made.id == "shop/welcome"
    assert made.document == {
        "name": "Welcome",
        "description": "Welcome a user.",
        "metadata": {"app_id": "shop"},
        "triggers": [{"event": "user/created", "if": "event.data.n > 0"}],
        "settings": {"retries": 2},
        "actions": [{"id": "welcome", "kind": "function:shop/welcome"}],
        "edges": [{"from": "$source", "to": "welcome"}],
        "output": "!ref($.state['welcome'])",
    }
    assert _parsed(made).nodes["welcome"].retries == 2


def test_the_decorated_function_can_still_be_called() -> None:
    @_wk().function("add", triggers=[])
    def add(ctx: int) -> int:
        """Add one."""
        return ctx + 1

    assert add(1) == 2
    assert (getattr(add, "__name__", ""), add.__doc__) == ("add", "Add one.")


def test_settings_may_be_written_as_python_has_them() -> None:
    made = _wk().function(
        "f", triggers=(Event("a/b"), Cron("0 9 * * *", timezone="Europe/Berlin"), {"manual": True}),
        timeouts={"finish": timedelta(hours=2)}, cancel_on=({"event": "x/y", "match": "data.id"},), concurrency=3,
        timeout=timedelta(minutes=1), queue="slow",
    )(_handler)  # fmt: skip
    workflow = _parsed(made)

    assert workflow.settings.timeouts.finish_ms == 7_200_000
    assert [rule.event for rule in workflow.settings.cancel_on] == ["x/y"]
    assert (len(workflow.triggers), len(workflow.schedules), workflow.is_manual) == (1, 1, True)
    assert (made.spec.timeout_seconds, made.spec.queue) == (60.0, "slow")


def test_followers_are_functions_of_their_own_without_retries() -> None:
    wk = _wk()
    made = wk.function("pay", trigger=Event("order/placed"), on_failure=_handler, on_cancel=_handler)(_handler)

    assert sorted(wk.registry.functions) == ["shop/pay", "shop/pay-cancel", "shop/pay-failure"]
    failure, cancel = made.followers
    assert _parsed(failure).settings.retries == 0
    assert (failure.document["triggers"], cancel.document["triggers"]) == ([], [])
    settings = _parsed(made).settings
    assert settings.on_failure_workflow == failure.id == "shop/pay-failure"
    assert settings.on_cancel_workflow == cancel.id == "shop/pay-cancel"


def test_no_handler_is_no_follower() -> None:
    options: Any = {"on_failure": None, "on_cancel": None}
    assert _wk().function("pay", triggers=[], **options)(_handler).followers == ()


@dataclass
class Order:
    id: str
    amount: int


def test_an_output_type_reads_results_back() -> None:
    made = _wk().function("f", triggers=[], output_type=list[Order])(_handler)

    assert made.decode_output([{"id": "1", "amount": 2}]) == [Order("1", 2)]


def _no_context() -> None: ...


def _two(ctx: Any, more: int) -> None: ...


@pytest.mark.parametrize(
    ("function_id", "handler", "options", "pointers"),
    [
        ("Bad Id", _handler, {}, ["/id"]),
        ("a/b", _handler, {}, ["/id"]),
        ("x" * 65, _handler, {}, ["/id"]),
        ("f", "not a function", {}, ["/handler"]),
        ("f", _no_context, {}, ["/handler"]),
        ("f", _two, {}, ["/handler"]),
        ("f", _handler, {"colour": "red"}, ["/colour"]),
        ("f", _handler, {"timeout": "for ever"}, ["/timeout"]),
        ("f", _handler, {"queue": "a b"}, ["/queue"]),
        ("f", _handler, {"output_type": {1, 2}}, ["/output_type"]),
        ("f", _handler, {"triggers": [{"event": "upd*"}]}, ["/triggers/0/event"]),
        ("f", _handler, {"triggers": [{"event": f"a/{n}"} for n in range(11)]}, ["/triggers"]),
        ("f", _handler, {"trigger": {"cron": "61 * * * *"}}, ["/triggers/0/cron"]),
        ("f", _handler, {"retries": 21}, ["/settings/retries"]),
        ("f", _handler, {"cancel_on": [{"event": f"a/{n}"} for n in range(6)]}, ["/settings/cancel_on"]),
        ("f", _handler, {"on_failure": _async_handler}, ["/on_failure"]),
        ("f", _async_handler, {"on_cancel": _handler}, ["/on_cancel"]),
        ("f", _handler, {"on_failure": _no_context}, ["/on_failure"]),
        ("F", _no_context, {"retries": -1, "queue": ""}, ["/id", "/handler", "/queue", "/settings/retries"]),
    ],
)
def test_what_is_wrong_is_refused_all_at_once(
    function_id: str, handler: Callable[..., Any], options: dict[str, Any], pointers: list[str]
) -> None:
    wk = _wk()
    with pytest.raises(DefinitionError) as caught:
        wk.function(function_id, **options)(handler)

    assert [problem.pointer for problem in caught.value.problems] == pointers
    assert wk.registry.functions == {}


def test_mixing_async_and_sync_is_explained() -> None:
    with pytest.raises(DefinitionError, match="the function is not async and its handler is async: make both the same"):
        _wk().function("f", triggers=[], on_failure=_async_handler)(_handler)


def test_batch_and_debounce_exclude_each_other_as_in_a_document() -> None:
    with pytest.raises(DefinitionError) as caught:
        _wk().function("f", batch={"max_size": 5, "timeout": "5s"}, debounce={"period": "5s"})(_handler)

    assert {problem.pointer.rpartition("/")[0] for problem in caught.value.problems} <= {"/settings", "/settings/batch"}


def test_an_id_is_taken_once_followers_included() -> None:
    wk = _wk()
    wk.function("pay", triggers=[], on_failure=_handler)(_handler)

    for function_id in ("pay", "pay-failure"):
        with pytest.raises(AlreadyExists):
            wk.function(function_id, triggers=[])(_handler)


def test_an_application_whose_id_is_no_id_has_no_functions() -> None:
    with pytest.raises(DefinitionError) as caught:
        _wk("My Shop").function("f", triggers=[])(_handler)

    assert [problem.pointer for problem in caught.value.problems] == ["/app_id"]


def test_an_action_cannot_pass_for_a_function() -> None:
    with pytest.raises(AlreadyExists, match="reserved"):
        _wk().action("function:shop/f")(lambda: None)


# --- in memory


def test_in_memory_functions_that_are_invoked_run_too_with_their_own_waits() -> None:
    wk = _wk()

    @wk.function("charge", triggers=[], output_type=Order)
    def charge(ctx: StepContext) -> Order:
        ctx.step.sleep("bank", "2h")
        return Order(ctx.event["data"]["id"], 5)

    @wk.function("pay", trigger=Event("order/placed"))
    def pay(ctx: StepContext) -> Any:
        return ctx.step.invoke("charge", charge, {"id": "a"}).amount

    result = wk.engine.run(pay, {"name": "order/placed", "data": {}})
    assert (result.status, result.output) == ("completed", 5)


@pytest.mark.parametrize(
    ("target", "timeout", "cause"),
    [
        ("shop/none", None, "invoke-target-missing"),
        ("shop/fails", None, "invoked-run-failed"),
        ("shop/slow", "1h", "invoke-timeout"),
        ("shop/again", None, "depth-exceeded"),
        ("a-workflow", "1h", "invoke-target-missing"),
    ],
)
def test_in_memory_invoking_fails_as_it_does_with_a_database(target: str, timeout: str | None, cause: str) -> None:
    wk = _wk()
    causes: list[str] = []

    @wk.function("fails", triggers=[], retries=0)
    def fails(ctx: StepContext) -> None:
        raise ValueError("no")

    @wk.function("slow", triggers=[])
    def slow(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "2h")

    @wk.function("again", triggers=[])
    def again(ctx: StepContext) -> None:
        try:
            ctx.step.invoke("call", target, timeout=timeout)
        except StepError as error:
            causes.append(error.cause_code)

    assert wk.engine.run(again, {"name": "test", "data": {}}).status == "completed"
    assert causes == [cause]
