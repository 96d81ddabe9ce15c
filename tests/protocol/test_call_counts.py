"""How often an app is called for a run: never more than the protocol needs."""

from __future__ import annotations

from functools import partial
from typing import Any

import httpx
import inngest
import pytest
from sdkapps import SdkApp, eventually

GO = inngest.TriggerEvent(event="go")


@pytest.fixture
def sdk(shared_sdk: SdkApp) -> SdkApp:
    return shared_sdk


def calls_of(sdk: SdkApp, function: inngest.Function[Any], *then: str) -> list[str]:
    """Return the steps for which the app was called in one run: ``step`` stands for the function as a whole."""
    with sdk.serve([function]):
        event_id = sdk.send("go")
        for name in then:
            eventually(lambda: True if _is_waiting(sdk, event_id) else None)
            sdk.send(name)
        assert sdk.run_of(event_id)["status"] == "Completed"
    return [step for _, step in sdk.requests]


def _is_waiting(sdk: SdkApp, event_id: str) -> bool:
    run = sdk.run_of(event_id, ended=False)
    return bool(httpx.get(f"{sdk.server}/api/runs/{run['run_id']}").json()["status"] == "waiting")


@pytest.mark.parametrize("steps", [0, 1, 3, 10])
def test_a_step_costs_one_call_and_the_end_another(sdk: SdkApp, steps: int) -> None:
    @sdk.client.create_function(fn_id="chain", trigger=GO)
    def chain(ctx: inngest.ContextSync) -> int:
        return sum(ctx.step.run(f"s{number}", lambda: 1) for number in range(steps))

    assert calls_of(sdk, chain) == ["step"] * (steps + 1)


def test_a_sleep_costs_one_call(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="sleeps", trigger=GO)
    def sleeps(ctx: inngest.ContextSync) -> None:
        ctx.step.sleep("nap", 100)
        ctx.step.sleep("again", 100)

    assert calls_of(sdk, sleeps) == ["step"] * 3


def test_a_wait_costs_one_call(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="waits", trigger=GO)
    def waits(ctx: inngest.ContextSync) -> None:
        ctx.step.wait_for_event("on", event="go-on", timeout=60_000)

    assert calls_of(sdk, waits, "go-on") == ["step"] * 2


def test_parallel_steps_cost_a_call_each_one_that_plans_them_and_one_after_the_last(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="parallel", trigger=GO)
    def parallel(ctx: inngest.ContextSync) -> int:
        branches: Any = tuple(partial(ctx.step.run, f"s{number}", lambda: 1) for number in range(3))
        found: Any = ctx.group.parallel(branches)
        return int(sum(found))

    steps = calls_of(sdk, parallel)
    assert (len(steps), steps.count("step")) == (5, 2)


def test_a_step_that_is_tried_again_costs_one_call_more(sdk: SdkApp) -> None:
    tries: list[int] = []

    @sdk.client.create_function(fn_id="flaky", trigger=GO)
    def flaky(ctx: inngest.ContextSync) -> None:
        def step() -> None:
            tries.append(1)
            if len(tries) == 1:
                raise inngest.RetryAfterError("later", 1_000)

        ctx.step.run("flaky", step)

    assert calls_of(sdk, flaky) == ["step"] * 3
