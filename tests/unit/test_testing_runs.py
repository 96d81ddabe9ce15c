"""``workflowkit.testing``: stubs of actions and steps, what a result tells, one step, up to a step, clones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from builders import WorkflowBuilder, a_workflow

from workflowkit import StepContext, WorkflowKit
from workflowkit.base.errors import DefinitionError, LimitExceeded, NonRetriableError, RetryAfterError, StepError
from workflowkit.definition.model import SOURCE
from workflowkit.registry import Field, Registry, load_builtin_actions
from workflowkit.testing import EventStub, InvalidStub, Real, Scenario, Timeout, Unstubbed, in_turn, run, run_step, stub
from workflowkit.testing.fixtures import fixtures_of, run_fixtures


class Charged(TypedDict):
    charge_id: str
    amount: int


def a_shop() -> tuple[Registry, list[str]]:
    """Actions of a shop, and a list of what really happened."""
    actions, done = Registry(), list[str]()
    load_builtin_actions(actions)

    @actions.action("charge", retries=3)
    def charge(amount: int, note: str = "none") -> Charged:
        done.append(f"charged {amount}")
        return {"charge_id": "real", "amount": amount}

    @actions.action("total", external=False)
    def total(prices: list[int]) -> int:
        return sum(prices)

    return actions, done


def an_order() -> WorkflowBuilder:
    flow = a_workflow("order").action("total", "total", {"prices": "!ref($.event.data.prices)"})
    flow.action("pay", "charge", {"amount": "!ref($.state.total)"})
    flow.action("big", "set", {"gift": True})
    flow.path(SOURCE, "total", "pay").edge_match("total", "big", 100, "!ref($.state.total)")
    return flow


ORDER = an_order().document()
EVENT = {"data": {"prices": [30, 12]}}


def test_a_stub_gives_what_the_action_would_and_the_rest_is_real() -> None:
    actions, done = a_shop()

    result = run(ORDER, EVENT, actions=actions, stubs={"charge": {"charge_id": "c-1", "amount": 42}})

    assert (result.status, result.path, result.skipped) == ("completed", ("total", "pay"), ("big",))
    assert result.step("pay").inputs == {"amount": 42, "note": "none"}
    assert result.output == {"pay": {"charge_id": "c-1", "amount": 42}}
    assert done == []


def test_an_unstubbed_external_action_fails_the_test_and_names_itself() -> None:
    actions, done = a_shop()

    with pytest.raises(Unstubbed, match=r"action 'pay' \(charge\) is external.*node:pay.*external=False"):
        run(ORDER, EVENT, actions=actions)

    assert done == []


@pytest.mark.parametrize("on_error", ["continue", "branch"])
def test_an_unstubbed_action_is_no_failure_that_a_workflow_could_handle(on_error: str) -> None:
    actions, _ = a_shop()
    flow = a_workflow().action("pay", "charge", {"amount": 1}, on_error=on_error).edge(SOURCE, "pay")
    flow.action("after", "set", {})
    (flow.edge_error if on_error == "branch" else flow.edge)("pay", "after")

    with pytest.raises(Unstubbed):
        run(flow.document(), actions=actions)


def test_everything_without_a_stub_is_named_at_once() -> None:
    actions, _ = a_shop()
    flow = a_workflow().action("a", "charge", {"amount": 1}).action("b", "charge", {"amount": 2})
    flow.edge(SOURCE, "a").edge(SOURCE, "b")

    with pytest.raises(Unstubbed) as caught:
        run(flow.document(), actions=actions)

    assert [held.node_id for held in caught.value.held] == ["a", "b"]


def test_every_builtin_that_only_decides_or_waits_is_executed_and_the_others_are_not() -> None:
    actions = Registry()
    load_builtin_actions(actions)

    assert {spec.kind for spec in actions if spec.external} == {"http_request", "send_email"}
    assert all(not spec.external for spec in actions if spec.category == "Flow")


def test_the_stub_of_a_node_beats_that_of_its_kind_and_is_called_lazily_with_inputs_and_context() -> None:
    actions, _ = a_shop()
    flow = a_workflow().action("a", "charge", {"amount": 1}).action("b", "charge", {"amount": 2}).path(SOURCE, "a", "b")
    seen: list[Any] = []

    def paid(inputs: Any, ctx: Any) -> dict[str, Any]:
        seen.append((ctx.step.node_id, inputs["amount"], dict(ctx.state)))
        return {"charge_id": ctx.idempotency_key, "amount": inputs["amount"]}

    result = run(flow.document(), actions=actions, stubs={"charge": {"charge_id": "kind"}, "node:b": paid})

    assert seen == [("b", 2, {"a": {"charge_id": "kind"}})]
    assert result.step("b").output["amount"] == 2
    assert [call.node_id for call in result.calls("charge")] == ["a", "b"]
    assert [call.inputs["amount"] for call in result.calls("node:b")] == [2]


def test_a_stub_stands_behind_the_check_of_inputs() -> None:
    actions, _ = a_shop()

    result = run(ORDER, {"data": {"prices": "many"}}, actions=actions, stubs={"charge": {}, "node:total": 7})

    assert result.step("total").status == "failed"
    assert result.error is not None
    assert result.error.code == "invalid-input"
    assert result.calls("node:total") == ()


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({"charge_id": 7}, "/charge_id: Expected string, got 7"),
        ("c-1", "Expected object"),
        ({"charge_id": object()}, "no JSON"),
    ],
)
def test_a_stub_cannot_say_what_the_action_could_not_return(output: Any, message: str) -> None:
    actions, _ = a_shop()

    with pytest.raises(InvalidStub, match="stub for action 'pay'") as caught:
        run(ORDER, EVENT, actions=actions, stubs={"charge": output})

    assert message in caught.value.message


def test_a_stub_that_raises_is_a_failed_attempt_with_all_that_follows() -> None:
    actions, _ = a_shop()
    answers = in_turn(ValueError("busy"), stub(raises=TimeoutError("late")), {"charge_id": "c-1"})

    result = run(ORDER, EVENT, actions=actions, stubs={"charge": answers})

    assert result.step("pay").attempts == 3
    assert [call.error and call.error.message for call in result.calls("charge")] == ["busy", "late", None]
    assert result.slept_seconds == 15 + 30


def test_a_stub_may_fail_for_good() -> None:
    actions, _ = a_shop()

    result = run(ORDER, EVENT, actions=actions, stubs={"charge": NonRetriableError("card declined")})

    assert (result.status, result.step("pay").attempts) == ("failed", 1)
    assert result.error is not None
    assert result.error.message == "card declined"


def test_an_assertion_in_a_stub_fails_the_test_and_not_the_step() -> None:
    actions, _ = a_shop()

    def check(inputs: Any, ctx: Any) -> None:
        assert inputs["amount"] == 43

    with pytest.raises(AssertionError):
        run(ORDER, EVENT, actions=actions, stubs={"charge": check})


def test_a_stub_may_stop_the_run_and_send_events_as_the_action_may() -> None:
    actions, _ = a_shop()
    flow = a_workflow().action("pay", "charge", {"amount": 1}).action("after", "set", {})

    def stop(inputs: Any, ctx: Any) -> None:
        ctx.send_event("shop/refused", {"amount": inputs["amount"]})
        ctx.stop("enough")

    result = run(flow.path(SOURCE, "pay", "after").document(), actions=actions, stubs={"charge": stop})

    assert (result.status, result.output, result.skipped) == ("completed", "enough", ("after",))
    assert [(event["name"], event["data"]) for event in result.events] == [("shop/refused", {"amount": 1})]


def test_real_executes_an_external_action_on_purpose() -> None:
    actions, done = a_shop()

    result = run(ORDER, EVENT, actions=actions, stubs={"charge": Real})

    assert done == ["charged 42"]
    assert [call.is_stubbed for call in result.calls("charge")] == [False]


@pytest.mark.parametrize(
    ("stubs", "message"),
    [
        ({"node:pya": {}}, "no such action; there are total, pay, big"),
        ({"chrage": {}}, "no action has this kind; there are charge"),
        ({"pay": {}}, "; the action with this id is 'node:pay'"),
        ({"charge": Timeout}, "Timeout stands for what an action waits for"),
        ({"charge": stub({}, after="2h")}, "only what is waited for comes after a time"),
        ({"charge": lambda inputs, ctx: ctx.step.sleep("s", 1)}, "a stub cannot wait"),
    ],
)
def test_a_stub_that_stands_for_nothing_is_refused(stubs: dict[str, Any], message: str) -> None:
    actions, done = a_shop()

    with pytest.raises(InvalidStub) as caught:
        run(ORDER, EVENT, actions=actions, stubs=stubs)

    assert message in caught.value.message
    assert done == []


def test_a_stub_for_a_kind_that_only_other_workflows_use_is_no_mistake() -> None:
    actions, _ = a_shop()

    run(ORDER, EVENT, actions=actions, stubs={"charge": {}, "send_email": {}})


def test_a_document_that_is_not_valid_is_refused_with_all_problems() -> None:
    with pytest.raises(DefinitionError):
        run({"actions": [{"id": "a", "kind": "unheard_of"}], "edges": []})


def test_the_event_gets_what_it_lacks() -> None:
    flow = a_workflow().action("see", "set", {"event": "!ref($.event)"}).edge(SOURCE, "see")

    seen = run(flow.trigger("shop/paid").document(), {"data": {"n": 1}}).step("see").output["event"]

    assert seen == {"id": "event-1", "name": "shop/paid", "data": {"n": 1}, "ts": 1_750_000_000_000}


# --- a part of it


def test_up_to_a_step_the_rest_is_not_executed() -> None:
    actions, _ = a_shop()

    result = run(ORDER, EVENT, actions=actions, until="total")

    assert (result.status, result.path) == ("running", ("total",))
    assert [step.id for step in result.steps] == ["total", "big"]


def test_one_step_is_executed_as_if_the_others_had_given_what_is_said() -> None:
    actions, _ = a_shop()

    step = run_step(ORDER, "pay", EVENT, state={"total": 7}, actions=actions, stubs={"charge": {"charge_id": "c"}})

    assert (step.status, step.inputs, step.output) == ("completed", {"amount": 7, "note": "none"}, {"charge_id": "c"})


def test_one_step_is_tried_again_as_in_a_run() -> None:
    actions, _ = a_shop()
    answers = in_turn(ValueError("busy"), {"charge_id": "c"})

    step = run_step(ORDER, "pay", state={"total": 7}, actions=actions, stubs={"charge": answers})

    assert (step.status, step.attempts) == ("completed", 2)


@pytest.mark.parametrize("options", [{"node_id": "nope"}, {"node_id": "pay", "state": {"nope": 1}}])
def test_a_step_that_does_not_exist_is_refused(options: dict[str, Any]) -> None:
    actions, _ = a_shop()

    with pytest.raises(InvalidStub, match="no action 'nope'"):
        run_step(ORDER, actions=actions, stubs={"charge": {}}, **options)


def test_a_clone_adds_stubs_and_leaves_the_scenario_as_it_was() -> None:
    actions, _ = a_shop()
    turns = in_turn({"charge_id": "first"}, {"charge_id": "second"})
    usual = Scenario(tested=ORDER, event=EVENT, actions=actions, stubs={"charge": turns})

    declined = usual.clone(stubs={"node:pay": NonRetriableError("declined")}, event={"data": {"prices": [100]}})

    assert declined.run().status == "failed"
    assert declined.run().path == ("total", "pay", "big")
    for _ in range(2):  # what is asked in turn begins anew in each run
        assert usual.run().output == {"pay": {"charge_id": "first"}}


def test_a_run_that_never_ends_is_stopped() -> None:
    def forever(ctx: Any) -> None:
        for day in range(10_000):
            ctx.step.sleep(f"day {day}", "1d")

    with pytest.raises(LimitExceeded, match="rehearsal_days"):
        run(forever)
    with pytest.raises(LimitExceeded, match="rehearsal_days exceeded: at most 3"):
        run(forever, max_days=3)


# --- functions


def test_a_function_runs_with_stubs_for_its_steps() -> None:
    wk = WorkflowKit("shop")
    loaded: list[int] = []

    @wk.function("welcome")
    def welcome(ctx: Any) -> dict[str, Any]:
        user = ctx.step.run("load", loaded.append, ctx.event["data"]["id"])
        greeting = ctx.step.run("greet", lambda: f"hello {user['name']}")
        sent = ctx.step.send_event("tell", {"name": "user/greeted", "data": {"name": user["name"]}})
        return {"greeting": greeting, "sent": len(sent)}

    result = run(welcome, {"data": {"id": 7}}, actions=wk, stubs={"step:load": {"name": "Ada"}})

    assert (result.status, result.output) == ("completed", {"greeting": "hello Ada", "sent": 1})
    assert loaded == []
    assert result.opened("greet").output == "hello Ada"
    assert [event["name"] for event in result.events] == ["user/greeted"]


def test_the_stub_of_a_step_may_be_an_error_which_the_handler_can_catch() -> None:
    def careful(ctx: Any) -> str:
        try:
            ctx.step.run("load", int, "7")
        except StepError as error:
            return f"{error.name}: {error.message}"
        return "loaded"

    assert run(careful, stubs={"step:load": ValueError("gone")}).output == "ValueError: gone"
    assert run(careful, stubs={"step:careful/load": ValueError("gone")}).output == "ValueError: gone"
    assert run(careful).output == "loaded"


def charging(ctx: Any) -> Any:
    return ctx.step.run("gateway", int, "7")


async def charging_async(ctx: Any) -> Any:
    return await ctx.step.run("gateway", int, "7")


def busy_once() -> Any:
    asked: list[Any] = []

    def gateway(inputs: Any, ctx: Any) -> str:
        asked.append(inputs)
        if len(asked) == 1:
            raise TimeoutError("busy")
        return "ok"

    return gateway


@pytest.mark.parametrize("handler", [charging, charging_async])
@pytest.mark.parametrize(
    ("given", "attempts"),
    [
        (lambda: in_turn(TimeoutError("busy"), "ok"), 2),
        (lambda: in_turn(stub(raises=TimeoutError("busy")), TimeoutError, stub("ok")), 3),
        (busy_once, 2),
    ],
)
def test_an_error_as_the_stub_of_a_step_is_a_failed_attempt(handler: Any, given: Any, attempts: int) -> None:
    function = WorkflowKit("shop").function("charge", retries=3)(handler)

    result = run(function, stubs={"step:gateway": given()})

    assert (result.status, result.output) == ("completed", "ok")
    assert result.opened("gateway").attempts == attempts
    assert result.slept_seconds > 0


def test_the_stub_of_a_step_fails_as_often_as_the_step_may_be_tried() -> None:
    asked: list[Any] = []

    def down(inputs: Any, ctx: Any) -> None:
        asked.append(inputs)
        raise TimeoutError("down")

    def thrice(ctx: Any) -> Any:
        try:
            return ctx.step.run("gateway", int, retries=2)
        except StepError as error:
            return f"{error.name}: {error.message}"

    result = run(thrice, stubs={"step:gateway": down})

    assert (result.output, len(asked)) == ("TimeoutError: down", 3)
    assert result.opened("gateway").attempts == 3
    failed = run(WorkflowKit("shop").function("charge", retries=1)(charging), stubs={"step:gateway": TimeoutError("x")})
    assert (failed.status, failed.opened("gateway").attempts) == ("failed", 2)


def test_the_error_of_a_stub_says_whether_and_when_a_step_is_tried_again() -> None:
    final = run(charging, stubs={"step:gateway": in_turn(NonRetriableError("no such card"), 7)})
    later = run(charging, stubs={"step:gateway": in_turn(RetryAfterError("closed", 3600), 7)})

    assert (final.status, final.opened("gateway").attempts) == ("failed", 1)
    assert (later.output, later.slept_seconds) == (7, 3600)


def test_a_stub_is_not_asked_again_before_the_step_is_tried_again() -> None:
    def both(ctx: Any) -> Any:
        def nap() -> None:
            ctx.step.sleep("nap", 1)

        return ctx.group.parallel([lambda: ctx.step.run("gateway", int), nap])

    result = run(both, stubs={"step:gateway": in_turn(RetryAfterError("closed", 60), 7, 8)})

    assert (result.output, result.slept_seconds) == ([7, None], 60)


def test_the_stub_of_what_a_handler_sends_fails_it_at_once() -> None:
    def telling(ctx: Any) -> Any:
        return ctx.step.send_event("tell", {"name": "user/greeted", "data": {}})

    result = run(telling, stubs={"step:tell": in_turn(TimeoutError("down"), ["1"])})

    assert (result.status, result.events) == ("failed", ())
    assert result.error is not None
    assert result.error.message == "down"


def test_an_assertion_in_the_stub_of_a_step_fails_the_test_also_if_the_handler_catches_everything() -> None:
    def careless(ctx: Any) -> None:
        try:
            ctx.step.run("load", int)
        except BaseException:
            return

    def check(inputs: Any, ctx: Any) -> None:
        raise AssertionError("not like this")

    with pytest.raises(AssertionError, match="not like this"):
        run(careless, stubs={"step:load": check})


def test_an_asynchronous_function_runs_too() -> None:
    async def handler(ctx: Any) -> int:
        first = await ctx.step.run("first", lambda: 1)
        await ctx.step.sleep("rest", "30d")
        second = await ctx.step.run("second", lambda: 2)
        return int(first + second)

    result = run(handler, stubs={"step:second": 40})

    assert (result.output, result.slept_seconds) == (41, 30 * 86_400)


def fetching(ctx: Any) -> Any:
    return ctx.step.fetch("load", "GET", "https://example.invalid/users")["body"]


async def fetching_async(ctx: Any) -> Any:
    return (await ctx.step.fetch("load", "GET", "https://example.invalid/users"))["body"]


@pytest.mark.parametrize("function", [fetching, fetching_async])
def test_a_request_of_a_handler_is_never_sent_without_a_stub(function: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[Any] = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *names, **_options: looked_up.append(names))

    with pytest.raises(Unstubbed, match=r"sends a request \(GET https://example.invalid/users\): .*step:"):
        run(function)

    assert looked_up == []
    assert run(function, stubs={"step:load": {"status": 200, "body": [7]}}).output == [7]


def test_what_an_application_puts_around_its_actions_is_there_in_a_test_too() -> None:
    wk = WorkflowKit("shop")
    wk.provide({"rate": 19})

    @wk.action("vat", external=False)
    def vat(ctx: Any, total: int) -> float:
        return float(total * ctx.deps.rate / 100)

    flow = a_workflow().action("vat", "vat", {"total": 200}).edge(SOURCE, "vat")

    assert run(flow.document(), actions=wk).output == {"vat": 38}


def test_stubs_that_nothing_asked_for_are_told() -> None:
    actions, _ = a_shop()
    charged = {"charge_id": "c-1", "amount": 42}

    result = run(ORDER, EVENT, actions=actions, stubs={"node:pay": charged, "charge": charged, "step:pay/load": 9})

    assert (result.status, result.unused_stubs) == ("completed", ("charge", "step:pay/load"))


def paying(ctx: Any) -> Any:
    paid = ctx.step.run("card", lambda: "the real card")
    reply = ctx.step.wait_for_event("reply", "user/replied", timeout="7d")
    return [paid, reply is not None]


def test_the_stub_of_a_step_that_is_never_reached_fails_the_test() -> None:
    wrong = r"asked for 'step:crad' \(did you mean card\?\): .*Reached were: card, reply; the run ended as completed"
    with pytest.raises(InvalidStub, match=wrong):
        run(paying, stubs={"step:crad": 5, "step:reply": Timeout})
    with pytest.raises(InvalidStub, match=r"'step:paying/crad' \(did you mean paying/card\?\)"):
        run(paying, stubs={"step:paying/crad": 5, "step:reply": Timeout})
    with pytest.raises(Unstubbed, match=r"waits for event(.|\n)*not reached: step:repyl"):
        run(paying, stubs={"step:card": 5, "step:repyl": Timeout})

    assert run(paying, stubs={"step:card": 5, "step:reply": Timeout}).output == [5, False]


def test_a_stub_that_is_optional_or_of_a_wait_that_an_event_ended_may_go_unused() -> None:
    spare = {"step:refund": stub(in_turn(TimeoutError("busy"), 1), optional=True)}
    result = run(
        paying, stubs={"step:card": 5, "step:reply": Timeout} | spare, events=[EventStub("user/replied", after="1d")]
    )

    assert (result.output, result.unused_stubs) == ([5, True], ("step:reply", "step:refund"))


def test_a_failed_run_says_why_it_failed_beside_the_stub_that_it_did_not_reach() -> None:
    def breaking(ctx: Any) -> None:
        ctx.step.run("card", int)
        raise NonRetriableError("no stock")

    with pytest.raises(InvalidStub, match="ended as failed: no stock"):
        run(breaking, stubs={"step:card": 5, "step:mail": None})


def shipping(ctx: Any) -> Any:
    keyed = [ctx.step.run("item", int, key=number) for number in (0, 1, 12)]
    return keyed, [ctx.step.run("note", int) for _ in range(2)], ctx.step.run("a[b]", int, key="c]d")


def test_the_stub_of_an_id_is_that_of_its_items_and_repeats_too() -> None:
    stubs = {"step:item": 7, "step:item[1]": 8, "step:note": in_turn(1, 2), "step:shipping/a[b]": 3}

    assert run(shipping, stubs=stubs, steps="stubbed").output == [[7, 8, 7], [1, 2], 3]
    apart = {"step:item[0]": 1, "step:item[1]": 2, "step:item[12]": 3, "step:note:1": 4, "step:note": 5, "step:a[b]": 6}
    assert run(shipping, stubs=stubs | apart, steps="stubbed").output == [[1, 2, 3], [5, 4], 3]


async def shipping_async(ctx: Any) -> Any:
    return [await ctx.step.run("parcel", int), await ctx.step.run("label", int)]


def shipping_apart(ctx: Any) -> Any:
    return ctx.group.parallel([lambda: ctx.step.run("parcel", int), lambda: ctx.step.run("label", int)])


def test_with_stubbed_steps_none_is_executed_without_a_stub() -> None:
    done: list[Any] = []

    def careless(ctx: Any) -> Any:
        try:
            ctx.step.run("card", done.append, 1)
        except Exception:
            return "caught"

    with pytest.raises(Unstubbed, match=r"'careless/card' executes something, and steps=\"stubbed\""):
        run(careless, steps="stubbed")
    assert done == []
    with pytest.raises(Unstubbed, match="'shipping-async/label' executes"):
        run(shipping_async, stubs={"step:parcel": 1}, steps="stubbed")
    with pytest.raises(Unstubbed, match=r"apart/parcel' executes(.|\n)*apart/label' executes"):
        run(shipping_apart, steps="stubbed")
    run(careless, stubs={"step:card": Real}, steps="stubbed")
    run(careless, stubs={"step:card": stub(Real)}, steps="stubbed")
    assert done == [1, 1]
    with pytest.raises(InvalidStub, match="steps: one of executed, stubbed, got 'stub'"):
        Scenario(tested=careless).clone(steps="stub").run()  # type: ignore[arg-type]


def test_with_stubbed_steps_what_goes_nowhere_in_a_test_is_still_sent() -> None:
    def telling(ctx: Any) -> Any:
        ctx.step.send_event("tell", {"name": "user/greeted", "data": {}})
        ctx.step.publish("show", "greetings", 1)
        ctx.step.send_signal("wake", "door", 1)
        return ctx.step.fetch("load", "GET", "https://example.invalid/")

    with pytest.raises(Unstubbed, match="telling/load") as raised:
        run(telling, steps="stubbed")
    result = run(telling, stubs={"step:load": {"status": 204}}, steps="stubbed")

    assert len(raised.value.held) == 1
    assert (len(result.events), len(result.messages), result.output) == (1, 1, {"status": 204})


# --- secrets, dependencies


def a_charge_with_a_secret() -> tuple[Registry, dict[str, Any]]:
    actions, _ = a_shop()

    @actions.action("sign", external=False)
    def sign(key: Annotated[str, Field(secret=True)], text: str) -> dict[str, str]:
        return {"signed": f"{text} with {key}"}

    flow = a_workflow("sign").action("sign", "sign", {"key": "!secret(stripe)", "text": "hello"})
    return actions, flow.trigger("go").path(SOURCE, "sign").document()


def test_documents_with_secrets_run_and_a_secret_is_never_opened() -> None:
    actions, document = a_charge_with_a_secret()

    stubbed = run(document, actions=actions, stubs={"sign": {"signed": "s"}})
    assert (stubbed.status, stubbed.output) == ("completed", {"sign": {"signed": "s"}})
    assert stubbed.step("sign").inputs == {"key": "!secret(stripe)", "text": "hello"}

    executed = run(document, actions=actions)
    assert executed.output == {"sign": {"signed": "hello with !secret(stripe)"}}
    assert run_step(document, "sign", actions=actions).status == "completed"
    assert Scenario(tested=document, actions=actions).run().status == "completed"


def test_a_function_that_asks_for_a_secret_is_given_the_reference() -> None:
    wk = WorkflowKit("shop")

    @wk.function("sign", triggers=[])
    def sign(ctx: StepContext) -> str:
        return f"with {ctx.secret('stripe')}"

    assert run(sign, actions=wk).output == "with !secret(stripe)"


def test_tests_beside_a_document_run_with_secrets() -> None:
    actions, document = a_charge_with_a_secret()
    fixtures = fixtures_of({**document, "tests": [{"name": "signed", "expect": {"status": "completed"}}]})
    assert [each.failures for each in run_fixtures(document, fixtures, actions)] == [()]


def an_application_with_a_ledger() -> tuple[WorkflowKit, Any]:
    wk = WorkflowKit()

    def real() -> Any:
        raise AssertionError("this is for real")

    wk.provide(ledger=real, currency="EUR")

    @wk.function("book")
    def book(ctx: StepContext) -> str:
        ctx.deps.ledger.append(ctx.event["data"]["amount"])
        return str(ctx.deps.currency)

    return wk, book


def test_dependencies_are_replaced_by_name_and_handed_over_as_they_are() -> None:
    wk, book = an_application_with_a_ledger()
    scenario = Scenario(tested=book, event={"data": {"amount": 12}}, actions=wk, deps={"currency": "CHF"})
    ledger: list[int] = []

    assert run(book, {"data": {"amount": 12}}, actions=wk, deps={"ledger": ledger}).output == "EUR"
    assert ledger == [12]
    assert scenario.clone(deps={"ledger": ledger}).run().output == "CHF"
    assert wk.extensions.providers["currency"].value == "EUR"


def test_a_dependency_that_nobody_provides_is_refused_where_others_are_provided() -> None:
    wk, book = an_application_with_a_ledger()
    with pytest.raises(InvalidStub, match="deps 'ledgre': nothing is provided by this name; there are cur"):
        run(book, {"data": {"amount": 1}}, actions=wk, deps={"ledgre": []})

    def handler(ctx: StepContext) -> Any:
        return ctx.deps.anything

    assert run(handler, deps={"anything": 7}).output == 7


def test_a_file_that_is_not_there_is_said_to_be_not_there(tmp_path: Path) -> None:
    path = tmp_path / "order.json"
    for given in (path, str(path)):
        with pytest.raises(FileNotFoundError, match=r"order\.json"):
            run(given)
    path.write_text(json.dumps(ORDER))
    actions, _ = a_shop()
    assert run(str(path), EVENT, actions=actions, until="total").step("total").output == 42
