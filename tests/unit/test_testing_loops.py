"""Loops in memory: items side by side, in time, with stubs; and what ``wk.engine.run`` gives of them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from workflowkit import NonRetriableError, WorkflowKit
from workflowkit.base.errors import InvalidStub, LimitExceeded, Unstubbed
from workflowkit.testing import EventStub, Timeout, run


def a_loop(*body: dict[str, Any], edges: list[dict[str, Any]] | None = None, **options: Any) -> dict[str, Any]:
    """A loop over ``event.data.items`` whose body is a chain, between two other actions."""
    settings = options.pop("settings", {})
    ids = ["$source", *(action["id"] for action in body)]
    chain = [{"from": source, "to": target} for source, target in pairwise(ids)]
    each = {
        "id": "each",
        "kind": "builtin:for_each",
        "inputs": {"items": "!ref($.event.data.items)", **options},
        "body": {"actions": list(body), "edges": edges or chain},
        "settings": settings,
    }
    before = {"id": "before", "kind": "set", "inputs": {"rate": 2}}
    after = {"id": "after", "kind": "set", "inputs": {"got": "!ref($.state.each.items)"}}
    return {
        "actions": [before, each, after],
        "edges": [
            {"from": "$source", "to": "before"},
            {"from": "before", "to": "each"},
            {"from": "each", "to": "after"},
        ],
    }


SEND: dict[str, Any] = {"id": "send", "kind": "http_request", "inputs": {"url": "https://example.com/!ref($.item.id)"}}
WAIT: dict[str, Any] = {"id": "rest", "kind": "builtin:wait", "inputs": {"duration": "!ref($.item.wait)"}}
NOTE: dict[str, Any] = {
    "id": "note",
    "kind": "set",
    "inputs": {"id": "!ref($.item.id)", "index": "!ref($.index)", "rate": "!ref($.state.before.rate)"},
}


def items(*waits: str) -> dict[str, Any]:
    return {"data": {"items": [{"id": f"i{index}", "wait": wait} for index, wait in enumerate(waits)]}}


def test_each_item_executes_the_body_and_sees_its_own_and_what_came_before() -> None:
    result = run(a_loop(NOTE), items("1s", "1s"))

    assert result.path == ("before", "each", "after")
    assert result.step("after").output == {
        "got": [{"note": {"id": "i0", "index": 0, "rate": 2}}, {"note": {"id": "i1", "index": 1, "rate": 2}}]
    }
    assert [item.path for item in result.items("each")] == [("note",), ("note",)]


@pytest.mark.parametrize(
    ("concurrency", "waits", "hours"),
    [(10, ("1h", "3h", "2h"), 3), (2, ("1h", "3h", "2h"), 3), (1, ("1h", "3h", "2h"), 6), (2, ("1h",) * 5, 3)],
)
def test_so_many_items_go_on_at_the_same_time(concurrency: int, waits: tuple[str, ...], hours: int) -> None:
    result = run(a_loop(WAIT, concurrency=concurrency), items(*waits))

    assert result.slept_seconds == hours * 3600
    assert len(result.step("each").output["items"]) == len(waits)


def test_an_empty_list_is_done_at_once() -> None:
    assert run(a_loop(WAIT), items()).step("each").output == {"items": [], "failed": []}


def failing(inputs: Any, ctx: Any) -> dict[str, Any]:
    if inputs["url"].endswith("i1"):
        raise NonRetriableError("no such thing")
    return {"status": 200}


def test_the_stub_of_an_action_in_a_loop_is_asked_for_each_item() -> None:
    result = run(a_loop(SEND, on_item_error="continue"), items("1s", "1s", "1s"), stubs={"node:send": failing})

    assert [call.inputs["url"][-2:] for call in result.calls("http_request")] == ["i0", "i1", "i2"]
    output = result.step("each").output
    assert [item and item["send"]["status"] for item in output["items"]] == [200, None, 200]
    assert [(failed["key"], failed["error"]["message"]) for failed in output["failed"]] == [("1", "no such thing")]


def test_an_item_that_fails_ends_the_loop_and_those_after_it_do_not_begin() -> None:
    document = a_loop(WAIT, SEND, concurrency=2)

    result = run(document, items("1h", "2h", "5h", "1h"), stubs={"http_request": failing})

    assert (result.status, result.slept_seconds) == ("failed", 2 * 3600)
    assert result.error is not None
    assert result.error.message == "item '1' (index 1): no such thing"
    assert len(result.items("each")) == 3  # the third had begun


def test_a_loop_that_takes_too_long_fails() -> None:
    result = run(a_loop(WAIT, settings={"timeout": "1h", "on_error": "continue"}), items("2h"))

    assert result.step("each").output["error"]["code"] == "loop-timeout"
    assert result.slept_seconds == 3600


def test_an_action_of_a_body_without_a_stub_is_named() -> None:
    with pytest.raises(Unstubbed, match="action 'send'"):
        run(a_loop(SEND), items("1s"))
    with pytest.raises(InvalidStub, match="there are before, each, send, after"):
        run(a_loop(SEND), items("1s"), stubs={"node:nope": 1})


def test_events_end_the_waits_of_the_items_that_they_are_for() -> None:
    waiting = {
        "id": "paid",
        "kind": "builtin:wait_for_event",
        "inputs": {
            "event": "shop/paid", "timeout": "9d", "equals": {"path": "data.id", "value": "!ref($.item.id)"},
        },
    }  # fmt: skip
    events = [EventStub("shop/paid", {"id": f"i{index}"}, after=f"{index + 1}h") for index in (1, 0)]

    result = run(a_loop(waiting), items("1s", "1s", "1s"), events=events, stubs={"node:paid": Timeout})

    assert [item["paid"]["received"] for item in result.step("each").output["items"]] == [True, True, False]
    assert [item.steps[0].output["event"] and item.steps[0].output["event"]["ts"] for item in result.items("each")] == [
        1_750_000_000_000 + 3_600_000, 1_750_000_000_000 + 7_200_000, None,
    ]  # fmt: skip


def test_loops_in_loops_and_their_trace_are_the_same_each_time() -> None:
    inner = a_loop(NOTE)["actions"][1] | {"id": "inner"}
    inner["inputs"] = {"items": "!ref($.item.parts)"}
    document = a_loop(inner)
    event = {"data": {"items": [{"parts": [{"id": "a"}, {"id": "b"}]}, {"parts": []}]}}

    result = run(document, event)

    assert [[part["note"]["id"] for part in item["inner"]["items"]] for item in result.output["after"]["got"]] == [
        ["a", "b"], [],
    ]  # fmt: skip
    assert result.trace() == run(document, event).trace()
    assert [item["key"] for item in result.trace()["items"]["each"]] == ["0", "1"]


def test_the_bounds_of_a_run_hold_for_all_items_together() -> None:
    from workflowkit.base.limits import Limits
    from workflowkit.base.settings import Settings

    wk = WorkflowKit("shop", settings=Settings(limits=Limits(rehearsal_passes=10)))

    with pytest.raises(LimitExceeded, match="rehearsal_passes"):
        run(a_loop(NOTE), items(*["1s"] * 20), actions=wk)


def test_without_stubs_a_loop_runs_in_memory_too() -> None:
    result = WorkflowKit("shop").engine.run(a_loop(NOTE), {"name": "x/y", **items("1s", "1s")})

    assert result.status == "completed"
    assert result.steps[1].output["items"][1] == {"note": {"id": "i1", "index": 1, "rate": 2}}


def test_two_items_with_one_key_fail_the_loop() -> None:
    result = run(a_loop(NOTE, key="'same'"), items("1s", "1s"))

    assert result.error is not None
    assert "have the same key" in result.error.message
