"""Events from outside are checked once, with every problem at its place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from types import MappingProxyType
from typing import Any

import pytest

from workflowkit.base.errors import InvalidInput, LimitExceeded
from workflowkit.base.limits import Limits
from workflowkit.runtime.incoming import parse_event


class Way(Enum):
    CARD = "card"


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


def test_what_is_no_json_is_named_at_its_event_too() -> None:
    assert _problems({"name": "a", "data": {"a": [object()]}}, pointer="/1") == {("/1/data/a/0", "not-json")}
    assert _problems({"name": "a", "data": {"a": "\0"}}, pointer="/1") == {("/1/data/a", "nul-character")}
    assert _problems({"name": "a", "data": {"a": {1: 2}}}, pointer="/1") == {("/1/data/a", "key-not-text")}


def test_an_event_may_have_in_it_what_outputs_may() -> None:
    @dataclass
    class Paid:
        at: datetime
        by: Way
        parts: tuple[int, ...]

    data = MappingProxyType({"paid": Paid(datetime(2026, 1, 2, tzinfo=UTC), Way.CARD, (1, 2))})
    event = parse_event(MappingProxyType({"name": "a", "data": data}), LIMITS)
    assert event.data == {"paid": {"at": "2026-01-02T00:00:00+00:00", "by": "card", "parts": [1, 2]}}


def test_a_time_without_a_zone_is_refused_in_an_event() -> None:
    naive = datetime(2026, 1, 2)  # noqa: DTZ001 - that is what is tested
    assert _problems({"name": "a", "data": {"at": naive}}, pointer="/0") == {("/0/data/at", "no-time-zone")}


def test_the_engine_itself_may_use_reserved_names() -> None:
    assert parse_event({"name": "workflow/x", "data": {}}, LIMITS, internal=True).name == "workflow/x"


def test_a_large_event_is_refused_with_the_limit_named() -> None:
    with pytest.raises(LimitExceeded, match="event_bytes") as caught:
        parse_event({"name": "a", "data": {"text": "x" * 1_000}}, LIMITS, pointer="/0")
    assert caught.value.pointer == "/0"
