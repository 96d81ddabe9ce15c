"""Flow control of functions of the SDK: what is registered does what the protocol's own server was observed to do."""

from __future__ import annotations

import datetime
import json
from typing import Any

import inngest
import pytest
import sqlalchemy as sa
from sdkapps import SdkApp, eventually

from workflowkit.definition.settings.flow import FlowControl, read_flow_control
from workflowkit.flow.gcra import Rate, take
from workflowkit.inngest.flowcontrol import flow_settings

MINUTE = datetime.timedelta(minutes=1)
HOUR = datetime.timedelta(hours=1)
GO = inngest.TriggerEvent(event="go")


def _idle(ctx: inngest.ContextSync) -> None:
    """Do nothing."""


def _registered(sdk: SdkApp, **config: Any) -> FlowControl:
    """Register a function with the SDK; return the flow control of the version that was published for it."""
    with sdk.serve([sdk.client.create_function(fn_id="limited", trigger=GO, **config)(_idle)]) as synced:
        assert synced.status_code == 200, synced.text
    return _published(sdk)


def _published(sdk: SdkApp) -> FlowControl:
    (row,) = _rows(sdk, "SELECT document FROM workflow_versions ORDER BY version DESC LIMIT 1")
    return read_flow_control(json.loads(row["document"])["settings"])


def _rows(sdk: SdkApp, sql: str) -> list[dict[str, Any]]:
    with sdk.wk.runtime.database.read() as tx:
        return [dict(row) for row in tx.connection.execute(sa.text(sql)).mappings()]


def _admitted(rate: Rate, seconds: int) -> list[int]:
    """Return in which seconds a run starts, if there are always enough events."""
    arrival_us, starts = None, list[int]()
    for second in range(seconds):
        taken = take(rate, arrival_us, now_ms=1_000 * second, wanted=100)
        arrival_us = taken.arrival_us
        starts += [second] * taken.count
    return starts


def test_a_rate_limit_admits_a_tenth_of_it_more_at_once(sdk: SdkApp) -> None:
    flow = _registered(sdk, rate_limit=inngest.RateLimit(limit=10, period=MINUTE, key="event.data.user"))
    assert flow.rate_limit is not None
    assert flow.rate_limit.key == "event.data.user"
    assert _admitted(Rate.of(flow.rate_limit), 20) == [0, 0, 6, 12, 18]


def test_a_small_rate_limit_admits_one_at_once(sdk: SdkApp) -> None:
    flow = _registered(sdk, rate_limit=inngest.RateLimit(limit=6, period=MINUTE))
    assert flow.rate_limit is not None
    assert _admitted(Rate.of(flow.rate_limit), 25) == [0, 10, 20]


def test_a_throttle_admits_its_limit_and_its_burst_at_once(sdk: SdkApp) -> None:
    flow = _registered(sdk, throttle=inngest.Throttle(limit=2, period=MINUTE, burst=3))
    assert flow.throttle is not None
    assert _admitted(Rate.of(flow.throttle), 61) == [0, 0, 0, 0, 0, 30, 60]


@pytest.mark.parametrize(
    ("throttle", "at_once"),
    [({"period": "1m"}, 1), ({"limit": 3, "period": "1m"}, 3), ({"limit": 1, "period": "5s", "burst": 2}, 3)],
)
def test_a_throttle_without_a_burst_admits_its_limit(throttle: dict[str, Any], at_once: int) -> None:
    flow = read_flow_control(flow_settings({"throttle": throttle}))
    assert flow.throttle is not None
    assert _admitted(Rate.of(flow.throttle), 1) == [0] * at_once


def test_of_several_events_as_many_runs_start_as_a_rate_limit_and_a_throttle_admit(sdk: SdkApp) -> None:
    rated = sdk.client.create_function(
        fn_id="rated", trigger=GO, rate_limit=inngest.RateLimit(limit=20, period=HOUR)
    )(_idle)  # fmt: skip
    throttled = sdk.client.create_function(
        fn_id="throttled", trigger=GO, throttle=inngest.Throttle(limit=2, period=HOUR)
    )(_idle)  # fmt: skip
    with sdk.serve([rated, throttled]):
        sdk.client.send_sync([inngest.Event(name="go", data={"n": number}) for number in range(6)])
        query = "SELECT status FROM runs WHERE workflow_id = 'shop/{}' AND status = '{}'"
        eventually(lambda: len(_rows(sdk, query.format("rated", "completed"))) == 3 or None)
        eventually(lambda: len(_rows(sdk, query.format("throttled", "completed"))) == 3 or None)
        decisions = _rows(sdk, "SELECT reason FROM decisions WHERE workflow_id = 'shop/rated'")
        assert [row["reason"] for row in decisions] == ["rate-limited"] * 3
        assert len(_rows(sdk, query.format("throttled", "queued"))) == 3


def test_every_other_control_becomes_the_setting_that_does_the_same(sdk: SdkApp) -> None:
    flow = _registered(
        sdk,
        concurrency=[
            inngest.Concurrency(limit=3, key="event.data.user", scope="env"),
            inngest.Concurrency(limit=5),
        ],
        debounce=inngest.Debounce(period=MINUTE, key="event.data.cart", timeout=5 * MINUTE),
        priority=inngest.Priority(run="event.data.ahead"),
        singleton=inngest.Singleton(mode="cancel", key="event.data.user"),
        idempotency="event.data.order",
    )
    assert [(each.limit, each.key, each.scope.value, each.mode.value) for each in flow.concurrency] == [
        (3, "event.data.user", "environment", "steps"),
        (5, None, "workflow", "steps"),
    ]
    assert flow.debounce is not None
    assert (flow.debounce.period_ms, flow.debounce.timeout_ms) == (60_000, 300_000)
    assert (flow.priority, flow.priority_most) == ("event.data.ahead", 43_200)
    assert flow.singleton is not None
    assert (flow.singleton.mode.value, flow.singleton.key) == ("cancel", "event.data.user")
    assert flow.idempotency is not None
    assert (flow.idempotency.key, flow.idempotency.period_ms) == ("event.data.order", 86_400_000)


def test_batches_pass_by_rate_limit_and_idempotency(sdk: SdkApp) -> None:
    flow = _registered(
        sdk,
        batch_events=inngest.Batch(max_size=5, timeout=MINUTE, key="event.data.user"),
        rate_limit=inngest.RateLimit(limit=1, period=HOUR),
        idempotency="event.data.order",
    )
    assert flow.batch is not None
    assert (flow.batch.max_size, flow.batch.timeout_ms, flow.batch.key) == (5, 60_000, "event.data.user")
    assert flow.rate_limit is None
    assert flow.idempotency is None


def test_idempotency_takes_the_place_of_a_rate_limit() -> None:
    flow = read_flow_control(flow_settings({"ratelimit": {"limit": 1, "period": "1h"}, "idempotency": "event.data.id"}))
    assert flow.rate_limit is None
    assert flow.idempotency is not None


@pytest.mark.parametrize(
    ("written", "limits"),
    [
        (7, [(7, "workflow", "steps")]),
        ([{"limit": 2, "scope": "account", "key": "'mail'"}], [(2, "installation", "steps")]),
        ({"fn": [{"limit": 4}], "step": [{"limit": 2}]}, [(4, "workflow", "runs"), (2, "workflow", "steps")]),
        ([{"limit": 0}], []),
        ([], []),
    ],
)
def test_concurrency_is_read_in_every_form(written: Any, limits: list[tuple[int, str, str]]) -> None:
    flow = read_flow_control(flow_settings({"concurrency": written}))
    assert [(each.limit, each.scope.value, each.mode.value) for each in flow.concurrency] == limits


@pytest.mark.parametrize("limit", [{"rate_limit": inngest.RateLimit(limit=1, period=HOUR)}, {"idempotency": "'once'"}])
def test_a_function_that_is_invoked_and_is_rate_limited_fails_the_step(sdk: SdkApp, limit: dict[str, Any]) -> None:
    child = sdk.client.create_function(fn_id="child", trigger=inngest.TriggerEvent(event="unused"), **limit)(_idle)

    @sdk.client.create_function(fn_id="parent", trigger=GO)
    def parent(ctx: inngest.ContextSync) -> str:
        ctx.step.invoke("first", function=child)
        try:
            ctx.step.invoke("second", function=child)
        except inngest.StepError as error:
            return error.message
        return "it ran"

    with sdk.serve([parent, child]):
        assert sdk.run_of(sdk.send("go"))["output"] == "invoked function is rate limited"
