"""Events from outside are checked once, with every problem at its place."""

from __future__ import annotations

from typing import Any

import pytest

from workflowkit.base.errors import InvalidInput, LimitExceeded
from workflowkit.base.limits import Limits
from workflowkit.runtime.incoming import parse_event

LIMITS = Limits(event_bytes=1_000, event_name_chars=20, event_id_chars=10)


def _problems(value: Any, **options: Any) -> set[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        parse_event(value, LIMITS, **options)
    return {(problem.pointer, problem.code) for problem in caught.value.problems}


def test_a_complete_event_keeps_its_optional_fields() -> None:
    event = parse_event({"name": "a/b", "data": {"n": 1}, "id": "x", "ts": 1_700_000_000_000, "v": "2"}, LIMITS)
    assert (event.name, event.data, event.event_id, event.ts_ms, event.extra) == (
        "a/b", {"n": 1}, "x", 1_700_000_000_000, {"v": "2"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], {("", "wrong-type")}),
        ({}, {("/name", "required"), ("/data", "required")}),
        ({"name": "", "data": {}}, {("/name", "required")}),
        ({"name": 7, "data": []}, {("/name", "required"), ("/data", "wrong-type")}),
        ({"name": "a b", "data": {}}, {("/name", "invalid-name")}),
        ({"name": "a/*", "data": {}}, {("/name", "invalid-name")}),
        ({"name": "n" * 21, "data": {}}, {("/name", "too-long")}),
        ({"name": "workflow/run.ended", "data": {}}, {("/name", "reserved-name")}),
        ({"name": "inngest/x", "data": {}}, {("/name", "reserved-name")}),
        ({"name": "a", "data": {}, "id": 7}, {("/id", "wrong-type")}),
        ({"name": "a", "data": {}, "id": "i" * 11}, {("/id", "too-long")}),
        ({"name": "a", "data": {}, "ts": "now"}, {("/ts", "wrong-type")}),
        ({"name": "a", "data": {}, "ts": True}, {("/ts", "wrong-type")}),
        ({"name": "a", "data": {}, "ts": 1.5}, {("/ts", "wrong-type")}),
        ({"name": "a", "data": {}, "ts": 1_700_000_000}, {("/ts", "out-of-range")}),
    ],
)
def test_each_mistake_is_named_with_its_place(value: Any, expected: Any) -> None:
    assert _problems(value) == expected


def test_pointers_start_where_the_event_stands_in_the_request() -> None:
    assert _problems({"data": {}}, pointer="/3") == {("/3/name", "required")}


def test_the_engine_itself_may_use_reserved_names() -> None:
    assert parse_event({"name": "workflow/x", "data": {}}, LIMITS, internal=True).name == "workflow/x"


def test_a_large_event_is_refused_with_the_limit_named() -> None:
    with pytest.raises(LimitExceeded, match="event_bytes") as caught:
        parse_event({"name": "a", "data": {"text": "x" * 1_000}}, LIMITS, pointer="/0")
    assert caught.value.pointer == "/0"
