"""The control nodes of documents, through the whole runtime."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_runtime


def _run(harness: Harness, document: dict[str, Any], data: Any = None) -> None:
    harness.deploy(document)
    harness.send("test/happened", data)
    harness.drain()


def _output(harness: Harness, node_id: str) -> Any:
    run = harness.run()
    assert run["status"] == "completed", run
    return json.loads(run["output"])[node_id]


def _single(kind: str, **inputs: Any) -> dict[str, Any]:
    return (
        a_workflow()
        .action("before", inputs={"value": "!ref($.event.data)"})
        .action("node", kind=kind, inputs=inputs)
        .path("$source", "before", "node")
        .trigger("test/happened")
        .document()
    )


def test_wait_goes_on_after_its_duration(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        _run(harness, _single("builtin:wait", duration="1h"))
        harness.skip(3599)
        assert harness.run()["status"] == "waiting"
        harness.skip(1)
        assert harness.run()["status"] == "completed"


@pytest.mark.parametrize("offset_seconds", [600, -600])
def test_delay_until_waits_for_a_date_and_not_for_one_that_has_passed(database_url: str, offset_seconds: int) -> None:
    with a_runtime(database_url) as harness:
        at = datetime.fromtimestamp(harness.clock.now_ms() / 1000 + offset_seconds, UTC)
        _run(harness, _single("builtin:delay_until", until=at.isoformat()))
        if offset_seconds > 0:
            assert harness.run()["status"] == "waiting"
            harness.skip(600)
        assert harness.run()["status"] == "completed"


def test_delay_until_waits_for_the_next_business_hour_of_a_time_zone(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        # Sunday, 15 June 2025, 15:06:40 UTC
        _run(harness, _single("builtin:delay_until", business_hours=True, timezone="America/New_York"))
        harness.skip(24 * 3600)
        assert _output(harness, "node") == {"at": "2025-06-16T09:00:00-04:00"}


def test_a_bad_time_zone_fails_the_node_and_says_so(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        _run(harness, _single("builtin:delay_until", timezone="Mars/Olympus"))
        assert "there is no 'Mars/Olympus'" in harness.run()["error"]


@pytest.mark.parametrize("comes", [True, False])
def test_wait_for_event_takes_the_way_of_what_happened(database_url: str, comes: bool) -> None:
    document = (
        a_workflow()
        .action("order", inputs={"value": "!ref($.event.data.id)"})
        .action(
            "paid",
            kind="builtin:wait_for_event",
            inputs={
                "event": "order/paid",
                "timeout": "1d",
                "equals": {"path": "data.order_id", "value": "!ref($.state.order)"},
                "condition": "async.data.amount >= event.data.total",
            },
        )
        .action("received", inputs={"value": "!ref($.state.paid.event.data.amount)"})
        .action("timed_out")
        .path("$source", "order", "paid")
        .edge_if("paid", "received", "!ref($.output.received)")
        .edge_else("paid", "timed_out", "!ref($.output.received)")
        .trigger("test/happened")
        .document()
    )
    with a_runtime(database_url) as harness:
        _run(harness, document, {"id": "o-1", "total": 50})
        harness.send("order/paid", {"order_id": "o-2", "amount": 99})
        harness.send("order/paid", {"order_id": "o-1", "amount": 1})
        harness.drain()
        assert harness.run()["status"] == "waiting"
        if comes:
            harness.send("order/paid", {"order_id": "o-1", "amount": 70})
            harness.drain()
        else:
            harness.skip(86_400)
        assert json.loads(harness.run()["output"]) == ({"received": 70} if comes else {"timed_out": None})


@pytest.mark.parametrize("whose", ["ann", "x' || true || 'x", '" || true', "params.whose", "1 == 1"])
def test_values_of_a_condition_are_data_whatever_they_look_like(database_url: str, whose: str) -> None:
    """E8: a value that looks like an expression changes no result."""
    document = _single(
        "builtin:wait_for_event",
        event="order/paid",
        timeout="1d",
        condition="async.data.name == params.whose && async.data.total >= params.least",
        params={"whose": "!ref($.state.before.name)", "least": 10},
    )
    with a_runtime(database_url) as harness:
        _run(harness, document, {"name": whose})
        for name, total in (("bob", 50), ("true", 50), (whose, 5)):
            harness.send("order/paid", {"name": name, "total": total})
        harness.drain()
        assert harness.run()["status"] == "waiting"
        # Found by the index, and not by evaluating the condition of every run that waits for the name.
        assert all(harness.column("SELECT match_key FROM waits"))
        harness.send("order/paid", {"name": whose, "total": 10})
        harness.drain()
        assert _output(harness, "node")["event"]["data"] == {"name": whose, "total": 10}


def test_a_lookback_counts_earlier_events_with_the_right_value_only(database_url: str) -> None:
    inputs = {
        "event": "order/paid",
        "timeout": "1h",
        "equals": {"path": "data.id", "value": "!ref($.state.before.id)"},
        "lookback": "10m",
    }
    with a_runtime(database_url) as harness:
        harness.send("order/paid", {"id": 2})
        harness.send("order/paid", {"id": 1, "right": True})
        harness.drain()
        harness.clock.advance(seconds=60)
        _run(harness, _single("builtin:wait_for_event", **inputs), {"id": 1})
        assert _output(harness, "node")["event"]["data"] == {"id": 1, "right": True}


def test_filter_keeps_the_items_for_which_the_condition_holds(database_url: str) -> None:
    document = _single("builtin:filter", items="!ref($.event.data.items)", condition="item.n > event.data.least")
    with a_runtime(database_url) as harness:
        _run(harness, document, {"least": 2, "items": [{"n": 1}, {"n": 3}, {"n": 2}, {"n": 5}]})
        assert _output(harness, "node") == {"items": [{"n": 3}, {"n": 5}], "rejected": [{"n": 1}, {"n": 2}]}


def test_catch_tells_which_actions_led_to_it(database_url: str) -> None:
    document = (
        a_workflow()
        .action("good")
        .action("bad", kind="boom", on_error="branch", retries=0)
        .action("worse", kind="boom", on_error="branch", retries=0, inputs={"message": "worse"})
        .action("caught", kind="builtin:catch")
        .path("$source", "good")
        .path("$source", "bad")
        .path("$source", "worse")
        .edge_error("bad", "caught")
        .edge_error("worse", "caught")
        .trigger("test/happened")
        .document()
    )
    with a_runtime(database_url) as harness:
        _run(harness, document)
        output = _output(harness, "caught")
        assert [(error["action"], error["message"]) for error in output["errors"]] == [
            ("bad", "boom"),
            ("worse", "worse"),
        ]
        assert output["first"]["action"] == "bad"
