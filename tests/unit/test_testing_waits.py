"""``workflowkit.testing``: waits for events, signals and other runs, of workflows and of functions."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from builders import a_workflow

from workflowkit.base.errors import StepError
from workflowkit.definition.model import SOURCE
from workflowkit.testing import EventStub, InvalidStub, Timeout, Unstubbed, run, stub

MONTH_SECONDS = 30 * 86_400


def reminder() -> dict[str, Any]:
    """Wait 30 days, then for a payment; remind whoever does not pay in time."""
    flow = a_workflow("reminder").action("month", "builtin:wait", {"duration": "30d"})
    flow.action(
        "paid",
        "builtin:wait_for_event",
        {
            "event": "shop/paid",
            "timeout": "7d",
            "equals": {"path": "data.id", "value": "!ref($.event.data.id)"},
            "condition": "async.data.amount >= event.data.amount",
        },
    )
    flow.action("thank", "set", {"with": "!ref($.state.paid.event.data)"})
    flow.action("remind", "set", {"id": "!ref($.event.data.id)"})
    flow.path(SOURCE, "month", "paid").edge_if("paid", "thank", "!ref($.output.received)")
    return flow.edge_else("paid", "remind", "!ref($.output.received)").document()


ORDER = {"data": {"id": 7, "amount": 40}}
PAID: dict[str, Any] = {"name": "shop/paid", "data": {"id": 7, "amount": 40}}


def paid(after: Any, **data: Any) -> EventStub:
    return EventStub("shop/paid", {"id": 7, "amount": 40} | data, after=after)


def test_a_wait_of_30_days_takes_a_few_calls_and_no_sleeping(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)

    result = run(reminder(), ORDER, events=[paid("31d")])

    assert result.path == ("month", "paid", "thank")
    assert result.slept_seconds == 31 * 86_400
    assert result.passes == 5  # the wait and the one for the event are entered twice
    assert slept == []


def test_an_event_counts_if_it_comes_while_the_run_waits_and_really_matches() -> None:
    result = run(reminder(), ORDER, events=[paid("31d", amount=39), paid("32d", id=8), paid("33d", amount=41)])

    assert result.slept_seconds == 33 * 86_400
    assert result.step("thank").output == {"with": {"id": 7, "amount": 41}}


@pytest.mark.parametrize(
    "events",
    [[], [paid("29d")], [paid("31d", amount=1)], [paid("37d")], [EventStub("shop/payed", {"id": 7, "amount": 40})]],
)
def test_a_wait_that_nothing_ends_is_named(events: list[EventStub]) -> None:
    with pytest.raises(Unstubbed) as caught:
        run(reminder(), ORDER, events=events)

    message = caught.value.message
    assert "'paid/event' waits for event 'shop/paid' with data.id equal to 7 if async.data.amount >=" in message
    assert ("1 event of this name came" in message) == (bool(events) and events[0].name == "shop/paid")


def test_timeout_is_for_a_wait_that_no_event_of_the_test_ends() -> None:
    stubs = {"node:paid": Timeout}

    late = run(reminder(), ORDER, stubs=stubs, events=[paid("31d", amount=1)])
    in_time = run(reminder(), ORDER, stubs=stubs, events=[paid("31d")])

    assert late.path == ("month", "paid", "remind")
    assert late.slept_seconds == 37 * 86_400
    assert late.opened("paid/event").timed_out
    assert in_time.path == ("month", "paid", "thank")


def test_a_waiting_action_may_be_stubbed_as_a_whole() -> None:
    event = {"id": "e", "name": "shop/paid", "data": {"n": 1}, "ts": 0}

    result = run(reminder(), ORDER, stubs={"node:paid": {"received": True, "event": event}})

    assert result.step("thank").output == {"with": {"n": 1}}
    assert result.slept_seconds == MONTH_SECONDS


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (PAID, 0),
        (paid(0), 0),
        (paid("2h"), 7200),
        (stub(PAID, after=timedelta(hours=3)), 3 * 3600),
        (lambda inputs, ctx: paid(60, amount=ctx.event["data"]["amount"]), 60),
    ],
)
def test_the_stub_of_a_wait_is_an_event_and_may_take_its_time(given: Any, seconds: int) -> None:
    result = run(reminder(), ORDER, stubs={"step:paid/event": given})

    assert result.path[-1] == "thank"
    assert result.slept_seconds == MONTH_SECONDS + seconds


@pytest.mark.parametrize("given", [Timeout, None, stub(PAID, after="7d"), paid("8d")])
def test_the_stub_of_a_wait_may_come_too_late_or_never(given: Any) -> None:
    result = run(reminder(), ORDER, stubs={"step:event": given})

    assert result.path[-1] == "remind"
    assert result.slept_seconds == MONTH_SECONDS + 7 * 86_400


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (paid(0, amount=1), "is not what it waits for"),
        (EventStub("shop/other", {"id": 7}), "is not what it waits for"),
        ({"id": 7}, 'EventStub(name, data), {"name", "data"} or Timeout'),
    ],
)
def test_an_event_that_would_never_end_the_wait_is_no_stub_of_it(given: Any, message: str) -> None:
    with pytest.raises(InvalidStub) as caught:
        run(reminder(), ORDER, stubs={"step:event": given})

    assert message in caught.value.message


@pytest.mark.parametrize("events", [[("31d", PAID)], [("31d", paid(0)), PAID], [(timedelta(days=31), PAID)]])
def test_events_may_be_written_as_json(events: list[Any]) -> None:
    if events[0][1] is not PAID:
        events = [("31d", PAID), *events[1:]]

    assert run(reminder(), ORDER, events=events).slept_seconds == 31 * 86_400


@pytest.mark.parametrize("event", [("soon", PAID), ("1h",), {"data": {}}, 7])
def test_what_is_no_event_is_refused(event: Any) -> None:
    with pytest.raises(InvalidStub, match="events: "):
        run(reminder(), ORDER, events=[event])


# --- functions


def waiting_function(ctx: Any) -> dict[str, Any]:
    ctx.step.sleep("settle", "1d")
    reply = ctx.step.wait_for_event("reply", "user/replied", match="data.id", timeout="7d", lookback="1h")
    signal = ctx.step.wait_for_signal("ok", f"ok-{ctx.event['data']['id']}", timeout="7d")
    try:
        other = ctx.step.invoke("other", "shop/other", {"n": 1}, timeout="7d")
    except StepError as error:
        other = f"{error.cause_code}: {error.message}"
    return {"reply": reply and reply["data"], "signal": signal, "other": other}


USER = {"data": {"id": 7}}
REPLY = EventStub("user/replied", {"id": 7, "text": "yes"}, after="25h")


def test_a_function_waits_for_events_signals_and_other_runs() -> None:
    result = run(
        waiting_function, USER, events=[REPLY], signals={"ok-7": stub({"by": "Ada"}, after="1h")},
        invokes={"shop/other": {"done": True}},
    )  # fmt: skip

    assert result.output == {"reply": {"id": 7, "text": "yes"}, "signal": {"by": "Ada"}, "other": {"done": True}}
    assert result.slept_seconds == 26 * 3600


def test_each_unstubbed_wait_of_a_function_is_named() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "waits for event 'user/replied' if async.data.id == event.data.id"),
        ({"events": [REPLY]}, "waits for signal 'ok-7'"),
        ({"events": [REPLY], "signals": {"ok-7": 1}}, "waits for a run of 'shop/other'"),
    ]
    for options, expected in cases:
        with pytest.raises(Unstubbed) as caught:
            run(waiting_function, USER, **options)

        assert expected in caught.value.message


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Timeout, "invoke-timeout: the run has not ended in time"),
        (ValueError("no"), "invoked-run-failed: run of shop/other failed: no"),
        (lambda inputs, ctx: ctx.event["data"]["id"], 7),
    ],
)
def test_an_invoked_run_may_fail_or_not_end(other: Any, expected: Any) -> None:
    stubs = {"step:reply": Timeout, "step:ok": Timeout}

    result = run(waiting_function, USER, stubs=stubs, invokes={"shop/other": other})

    assert result.output == {"reply": None, "signal": None, "other": expected}


def test_an_event_from_before_counts_within_the_lookback() -> None:
    rest: dict[str, Any] = {"stubs": {"step:ok": Timeout}, "invokes": {"shop/other": 1}}

    with pytest.raises(Unstubbed, match="user/replied"):
        run(waiting_function, USER, events=[EventStub("user/replied", {"id": 7}, after="22h")], **rest)

    result = run(waiting_function, USER, events=[EventStub("user/replied", {"id": 7}, after="23h")], **rest)
    assert result.output["reply"] == {"id": 7}
    assert result.slept_seconds == 86_400 + 7 * 86_400


def side_by_side(ctx: Any) -> list[Any]:
    return list(
        ctx.group.parallel(
            [
                lambda: ctx.step.wait_for_event("a", "x/a", timeout="1d"),
                lambda: ctx.step.wait_for_event("b", "x/b", timeout="1d"),
            ]
        )
    )


async def at_once(ctx: Any) -> list[Any]:
    import asyncio

    waits = [ctx.step.wait_for_event(name, f"x/{name}", timeout="1d") for name in ("a", "b")]
    return list(await asyncio.gather(*waits))


@pytest.mark.parametrize("function", [side_by_side, at_once])
def test_waits_that_go_on_side_by_side_end_each_at_its_time(function: Callable[[Any], Any]) -> None:
    result = run(function, events=[EventStub("x/b", {}, after=60), EventStub("x/a", {}, after=90)])

    assert [event["name"] for event in result.output] == ["x/a", "x/b"]
    assert result.slept_seconds == 90


@pytest.mark.parametrize("function", [side_by_side, at_once])
def test_a_wrong_stub_of_one_of_them_fails_the_test(function: Callable[[Any], Any]) -> None:
    with pytest.raises(InvalidStub):
        run(function, stubs={"step:a": EventStub("x/b"), "step:b": Timeout})


def test_a_wait_without_a_stub_fails_the_test_even_if_the_run_ends_without_it() -> None:
    def broken(ctx: Any) -> None:
        wait = lambda: ctx.step.wait_for_event("a", "x/a", timeout="1d")  # noqa: E731
        ctx.group.parallel([wait, lambda: ctx.step.run("b", int, "seven", retries=0)])

    with pytest.raises(Unstubbed, match="x/a"):
        run(broken)


def asking(ctx: Any) -> list[Any]:
    decided = ctx.step.approval("may we", "May we?", timeout="3d")
    made = ctx.step.create_callback("url", timeout="2d")
    return [decided["status"], decided["data"], ctx.step.wait_for_callback("called", made["id"])]


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        ("approved", ["approved", None]),
        (stub({"status": "rejected", "data": {"why": "no"}}, after="1d"), ["rejected", {"why": "no"}]),
        (Timeout, ["expired", None]),
    ],
)
def test_people_decide_and_somebody_calls_back(decision: Any, expected: list[Any]) -> None:
    result = run(asking, stubs={"step:may we": decision, "step:called": {"paid": True}})

    assert result.output == [*expected, {"received": True, "data": {"paid": True}}]
    assert run(asking, stubs={"step:may we": decision, "step:called": Timeout}).output[2] == {
        "received": False,
        "data": None,
    }


def test_an_approval_and_a_callback_need_stubs_that_can_be_right() -> None:
    with pytest.raises(Unstubbed, match=r"'asking/may we' waits for an approval: give \"approved\""):
        run(asking)
    with pytest.raises(Unstubbed, match="'asking/called' waits for a callback"):
        run(asking, stubs={"step:may we": "approved"})
    with pytest.raises(InvalidStub, match="got 'yes'"):
        run(asking, stubs={"step:may we": "yes"})
