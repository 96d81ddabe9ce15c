"""Flow control, triggers and larger patterns with Inngest's Python SDK: all tests of this module share one server."""

from __future__ import annotations

import datetime
import threading
import time
from typing import Any

import flask
import httpx
import inngest
import inngest.flask
import pytest
from runtimes import Harness
from sdkapps import SdkApp, eventually, serving

from workflowkit.base.clock import SystemClock
from workflowkit.inngest.server import AppServer
from workflowkit.inngest.web import create_app

GO, OTHER = inngest.TriggerEvent(event="go"), inngest.TriggerEvent(event="other")
SECOND, MINUTE, HOUR = (datetime.timedelta(seconds=number) for number in (1, 60, 3_600))


@pytest.fixture
def sdk(shared_sdk: SdkApp) -> SdkApp:
    return shared_sdk


def matched(sdk: SdkApp, event_id: str) -> None:
    """Wait until it is decided what an event starts."""
    eventually(lambda: None if httpx.get(f"{sdk.server}/api/events/{event_id}").json()["is_pending"] else True)


class Told:
    """A function that tells the numbers of the events it runs for."""

    def __init__(self, sdk: SdkApp, fn_id: str, trigger: Any = GO, **settings: Any) -> None:
        self.numbers: list[Any] = []

        @sdk.client.create_function(fn_id=fn_id, trigger=trigger, **settings)
        def tell(ctx: inngest.ContextSync) -> None:
            self.numbers.append(ctx.event.data.get("number"))

        self.function = tell


def test_a_limit_of_concurrency_keeps_steps_apart(sdk: SdkApp) -> None:
    told: list[str] = []

    def work() -> None:
        told.append("begin")
        time.sleep(0.2)
        told.append("end")

    @sdk.client.create_function(fn_id="one", trigger=GO, concurrency=[inngest.Concurrency(limit=1)])
    def one(ctx: inngest.ContextSync) -> None:
        ctx.step.run("work", work)

    with sdk.serve([one]):
        for event_id in [sdk.send("go") for _ in range(3)]:
            assert sdk.run_of(event_id)["status"] == "Completed"
    assert told == ["begin", "end"] * 3


def test_a_debounce_starts_one_run_with_the_last_event(sdk: SdkApp) -> None:
    told = Told(sdk, "debounced", debounce=inngest.Debounce(period=SECOND, key="event.data.key"))
    with sdk.serve([told.function]):
        now_ms = SystemClock().now_ms()
        sent = [
            inngest.Event(name="go", data={"key": "k", "number": number}, ts=now_ms - 3 + number) for number in range(3)
        ]
        sdk.run_of(sdk.client.send_sync(sent)[-1])
    assert told.numbers == [2]


def test_a_rate_limit_drops_the_events_above_it(sdk: SdkApp) -> None:
    told = Told(sdk, "limited", rate_limit=inngest.RateLimit(limit=1, period=HOUR))
    with sdk.serve([told.function]):
        sdk.run_of(sdk.send("go", {"number": 1}))
        second = sdk.send("go", {"number": 2})
        matched(sdk, second)
        assert httpx.get(f"{sdk.server}/v1/events/{second}/runs").json()["data"] == []
    assert told.numbers == [1]


def test_a_throttle_spreads_the_beginnings_of_runs(sdk: SdkApp) -> None:
    begun: list[float] = []

    @sdk.client.create_function(
        fn_id="throttled", trigger=GO, throttle=inngest.Throttle(limit=1, burst=1, period=2 * SECOND)
    )
    def throttled(ctx: inngest.ContextSync) -> None:
        begun.append(time.monotonic())

    with sdk.serve([throttled]):
        for event_id in [sdk.send("go") for _ in range(3)]:
            sdk.run_of(event_id)
    assert begun[-1] - begun[0] >= 1.5


def test_a_run_of_higher_priority_begins_before_those_that_queue(sdk: SdkApp) -> None:
    begun, others_queue = list[int](), threading.Event()

    def work(priority: int) -> None:
        begun.append(priority)
        assert others_queue.wait(60)

    @sdk.client.create_function(
        fn_id="ordered", trigger=GO, concurrency=[inngest.Concurrency(limit=1)],
        priority=inngest.Priority(run="event.data.number"),
    )  # fmt: skip
    def ordered(ctx: inngest.ContextSync) -> None:
        number = ctx.event.data["number"]
        assert isinstance(number, int)
        ctx.step.run("work", lambda: work(number))

    with sdk.serve([ordered]):
        first = sdk.send("go", {"number": 1})
        eventually(lambda: begun or None)
        others = [sdk.send("go", {"number": number}) for number in (0, 100)]
        for event_id in others:
            matched(sdk, event_id)
        others_queue.set()
        for event_id in (first, *others):
            sdk.run_of(event_id)
    assert begun == [1, 100, 0]


def test_a_singleton_skips_events_while_a_run_goes_on(sdk: SdkApp) -> None:
    numbers: list[Any] = []

    @sdk.client.create_function(fn_id="single", trigger=GO, singleton=inngest.Singleton(mode="skip"))
    def single(ctx: inngest.ContextSync) -> None:
        ctx.step.run("tell", lambda: numbers.append(ctx.event.data["number"]))
        ctx.step.wait_for_event("on", event="go-on", timeout=MINUTE)

    with sdk.serve([single]):
        first = sdk.send("go", {"number": 1})
        eventually(lambda: numbers or None)
        second = sdk.send("go", {"number": 2})
        matched(sdk, second)
        assert httpx.get(f"{sdk.server}/v1/events/{second}/runs").json()["data"] == []
        eventually(lambda: True if _status(sdk, first) == "waiting" else None)
        sdk.send("go-on")
        assert sdk.run_of(first)["status"] == "Completed"
    assert numbers == [1]


def _status(sdk: SdkApp, event_id: str) -> Any:
    run = sdk.run_of(event_id, ended=False)
    return httpx.get(f"{sdk.server}/api/runs/{run['run_id']}").json()["status"]


def test_a_singleton_cancels_the_run_before(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="single", trigger=GO, singleton=inngest.Singleton(mode="cancel"))
    def single(ctx: inngest.ContextSync) -> str:
        if ctx.event.data["number"] == 1:
            ctx.step.sleep("nap", HOUR)
        return "done"

    with sdk.serve([single]):
        first = sdk.send("go", {"number": 1})
        eventually(lambda: True if _status(sdk, first) == "waiting" else None)
        second = sdk.send("go", {"number": 2})
        assert sdk.run_of(first)["status"] == "Cancelled"
        assert sdk.run_of(second)["output"] == "done"


def test_an_idempotent_function_runs_once_for_a_key(sdk: SdkApp) -> None:
    told = Told(sdk, "once", idempotency="event.data.order")
    with sdk.serve([told.function]):
        sdk.run_of(sdk.send("go", {"order": "python-1", "number": 1}))
        matched(sdk, sdk.send("go", {"order": "python-1", "number": 2}))
    assert told.numbers == [1]


def test_an_event_of_an_id_that_was_there_starts_nothing(sdk: SdkApp) -> None:
    told = Told(sdk, "seen")
    with sdk.serve([told.function]):
        first = sdk.send("go", {"number": 1}, id="python-order-1")
        second = sdk.send("go", {"number": 2}, id="python-order-1")
        sdk.run_of(first)
        matched(sdk, second)
    assert told.numbers == [1]
    assert first != second


def test_a_function_that_takes_too_long_is_cancelled(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="slow", trigger=GO, timeouts=inngest.Timeouts(finish=SECOND))
    def slow(ctx: inngest.ContextSync) -> None:
        ctx.step.sleep("nap", HOUR)

    with sdk.serve([slow]):
        assert sdk.run_of(sdk.send("go"))["status"] == "Cancelled"


def test_a_batch_that_is_not_full_runs_after_its_time(sdk: SdkApp) -> None:
    @sdk.client.create_function(
        fn_id="batched", trigger=GO, batch_events=inngest.Batch(max_size=10, timeout=SECOND, key="event.data.key")
    )
    def batched(ctx: inngest.ContextSync) -> list[Any]:
        return [event.data["number"] for event in ctx.events]

    with sdk.serve([batched]):
        sent = [inngest.Event(name="go", data={"key": key, "number": number}) for number, key in enumerate("aba")]
        first, other, last = sdk.client.send_sync(sent)
        assert sdk.run_of(first)["output"] == sdk.run_of(last)["output"] == [0, 2]
        assert sdk.run_of(other)["output"] == [1]


def test_a_trigger_has_a_condition(sdk: SdkApp) -> None:
    told = Told(sdk, "picky", inngest.TriggerEvent(event="go", expression="event.data.number > 2"))
    with sdk.serve([told.function]):
        sdk.send("go", {"number": 2})
        sdk.run_of(sdk.send("go", {"number": 3}))
    assert told.numbers == [3]


def test_a_trigger_has_a_pattern(sdk: SdkApp) -> None:
    told = Told(sdk, "wild", inngest.TriggerEvent(event="item/*"))
    with sdk.serve([told.function]):
        sdk.run_of(sdk.send("item/sold.late", {"number": 1}))
    assert told.numbers == [1]


def test_an_event_that_two_triggers_match_starts_one_run(sdk: SdkApp) -> None:
    told = Told(sdk, "both", [GO, inngest.TriggerEvent(event="go", expression="event.data.number == 1"), OTHER])
    with sdk.serve([told.function]):
        first = sdk.send("go", {"number": 1})
        sdk.run_of(first)
        sdk.run_of(sdk.send("other", {"number": 2}))
        assert len(httpx.get(f"{sdk.server}/v1/events/{first}/runs").json()["data"]) == 1
    assert told.numbers == [1, 2]


def test_an_event_of_the_future_starts_its_run_then(sdk: SdkApp) -> None:
    begun: list[int] = []

    @sdk.client.create_function(fn_id="later", trigger=GO)
    def later(ctx: inngest.ContextSync) -> None:
        begun.append(SystemClock().now_ms())

    with sdk.serve([later]):
        at_ms = SystemClock().now_ms() + 1_500
        sdk.run_of(sdk.send("go", ts=at_ms))
    assert begun[0] >= at_ms - 100


def test_a_function_that_is_invoked_and_takes_too_long_fails_the_step(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="child", trigger=inngest.TriggerEvent(event="unused"))
    def child(ctx: inngest.ContextSync) -> None:
        ctx.step.sleep("nap", HOUR)

    @sdk.client.create_function(fn_id="parent", trigger=GO)
    def parent(ctx: inngest.ContextSync) -> str:
        try:
            ctx.step.invoke("call", function=child, timeout=SECOND)
        except inngest.StepError as error:
            return error.name
        return "it ended"

    with sdk.serve([parent, child]):
        assert sdk.run_of(sdk.send("go"))["output"] == "InngestInvokeTimeoutError"


@pytest.mark.parametrize(
    ("mode", "order", "calls"),
    [
        (inngest.ParallelMode.WAIT, [["a.1", "b.1"], ["a.2", "b.2"]], 7),
        (inngest.ParallelMode.RACE, [["a.1"], ["a.2"], ["b.1"], ["b.2"]], 9),
    ],
)
def test_parallel_branches_wait_for_one_another_or_race(
    sdk: SdkApp, mode: inngest.ParallelMode, order: list[list[str]], calls: int
) -> None:
    executed: list[str] = []

    @sdk.client.create_function(fn_id="parallel", trigger=GO)
    def parallel(ctx: inngest.ContextSync) -> None:
        def work(name: str) -> None:
            if name.startswith("b"):
                eventually(lambda: True if len(executed) >= 2 or mode is inngest.ParallelMode.WAIT else None)
            executed.append(name)

        def branch(name: str) -> Any:
            ctx.step.run(f"{name}.1", work, f"{name}.1")
            return ctx.step.run(f"{name}.2", work, f"{name}.2")

        ctx.group.parallel((lambda: branch("a"), lambda: branch("b")), parallel_mode=mode)

    with sdk.serve([parallel]):
        assert sdk.run_of(sdk.send("go"))["status"] == "Completed"
    rest = iter(executed)
    assert [sorted(next(rest) for _ in group) for group in order] == order
    assert len(sdk.requests) == calls


def test_a_state_that_is_too_large_for_a_call_is_fetched_by_the_app(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="big", trigger=GO)
    def big(ctx: inngest.ContextSync) -> int:
        texts = [ctx.step.run(f"big-{number}", lambda: "x" * 1_800_000) for number in range(3)]
        return sum(map(len, texts))

    with sdk.serve([big]):
        assert sdk.run_of(sdk.send("go"))["output"] == 5_400_000


def test_ids_may_have_any_characters(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="odd / id ü~", trigger=GO)
    def odd(ctx: inngest.ContextSync) -> list[int]:
        return [ctx.step.run("with / ü ~", lambda: 1), ctx.step.run("x" * 300, lambda: 2)]

    with sdk.serve([odd]):
        assert sdk.run_of(sdk.send("go"))["output"] == [1, 2]


def test_values_of_all_kinds_come_back_as_they_were(sdk: SdkApp) -> None:
    values: list[Any] = [None, 0, "", False, [], {}, 1.5, "ü\U0001f600", {"a": {"b": [1]}}]

    @sdk.client.create_function(fn_id="values", trigger=GO)
    def shown(ctx: inngest.ContextSync) -> list[Any]:
        return [ctx.step.run(f"v{index}", values.__getitem__, index) for index, value in enumerate(values)]

    with sdk.serve([shown]):
        assert sdk.run_of(sdk.send("go"))["output"] == values


def test_on_failure_hears_of_a_step_that_failed_for_good(sdk: SdkApp) -> None:
    told: list[Any] = []

    def on_failure(ctx: inngest.ContextSync) -> None:
        error: Any = ctx.event.data["error"]
        told.append((error["name"], error["message"]))

    @sdk.client.create_function(fn_id="fails", trigger=GO, retries=0, on_failure=on_failure)
    def fails(ctx: inngest.ContextSync) -> None:
        def step() -> None:
            raise KeyError("gone")

        ctx.step.run("fails", step)

    with sdk.serve([fails]):
        sdk.send("go")
        eventually(lambda: told or None)
    assert told[0][1] == "'gone'"


def test_a_function_is_shown_where_its_runs_are_and_called_where_it_has_moved(sdk: SdkApp) -> None:
    places: list[str] = []

    @sdk.client.create_function(fn_id="moves", trigger=GO)
    def moves(ctx: inngest.ContextSync) -> None:
        ctx.step.run("before", lambda: places.append("old"))
        ctx.step.wait_for_event("on", event="go-on", timeout=MINUTE)
        ctx.step.run("after", lambda: places.append("new"))

    with sdk.serve([moves]):
        event_id = sdk.send("go")
        eventually(lambda: True if _status(sdk, event_id) == "waiting" else None)
        old = sdk.app_url
    with sdk.serve([moves]):
        assert sdk.app_url != old
        sdk.send("go-on")
        assert sdk.run_of(event_id)["status"] == "Completed"
    assert places == ["old", "new"]


def test_a_schedule_starts_a_run_with_its_slot(remote_harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Any] = []
    with serving(create_app(AppServer(lambda: remote_harness.runtime), dev_mode=True)) as door:
        monkeypatch.setenv("INNGEST_DEV", door)
        client = inngest.Inngest(app_id="shop")

        @client.create_function(fn_id="often", trigger=inngest.TriggerCron(cron="TZ=Europe/Paris */15 * * * *"))
        def often(ctx: inngest.ContextSync) -> None:
            events.append((ctx.event.name, dict(ctx.event.data)))

        web = flask.Flask("app")
        inngest.flask.serve(web, client, [often])
        with serving(web) as url:
            assert httpx.put(f"{url}/api/inngest").status_code == 200
            remote_harness.skip(900 - remote_harness.clock.now_ms() / 1000 % 900)  # to the next quarter of an hour
    ((name, data),) = events
    assert (name, data["cron"]) == ("inngest/scheduled.timer", "TZ=Europe/Paris */15 * * * *")
