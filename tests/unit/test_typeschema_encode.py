"""From what handlers return to plain JSON."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflowkit.base.errors import InvalidInput, LimitExceeded
from workflowkit.base.jsonvalue import check_json
from workflowkit.typeschema import to_json


class Size(Enum):
    SMALL = "s"


class Word(StrEnum):
    HI = "hi"


class Number(IntEnum):
    ONE = 1


class Name(str):
    __slots__ = ()


class Point(NamedTuple):
    x: int
    y: int


@dataclass(frozen=True)
class Item:
    sku: str
    at: date


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Item("a", date(2026, 1, 2)), {"sku": "a", "at": "2026-01-02"}),
        ([Item("a", date(2026, 1, 2))], [{"sku": "a", "at": "2026-01-02"}]),
        (datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T03:00:00+00:00"),
        (time(3, 4), "03:04:00"),
        (Size.SMALL, "s"),
        (Word.HI, "hi"),
        (Number.ONE, 1),
        (Name("Ann"), "Ann"),
        ({Size.SMALL: 1}, {"s": 1}),
        ((1, 2), [1, 2]),
        (Point(1, 2), [1, 2]),
        (OrderedDict(a=1), {"a": 1}),
        (MappingProxyType({"a": (1,)}), {"a": [1]}),
        (None, None),
        ([Decimal("1.10")], ["1.10"]),
        ({"id": UUID(int=1)}, {"id": "00000000-0000-0000-0000-000000000001"}),
    ],
)
def test_python_values_have_one_json_form(value: Any, expected: Any) -> None:
    result = to_json(value)

    assert result == expected
    check_json(result)


@pytest.mark.parametrize(
    ("value", "pointer", "code"),
    [
        ({"a": [1, {2, 3}]}, "/a/1", "not-json"),
        ({"a/b": object()}, "/a~1b", "not-json"),
        (Item, "", "not-json"),
        ({"a": {1: 2}}, "/a", "key-not-text"),
        (b"x", "", "not-json"),
        ({"at": [datetime(2026, 1, 2, 3)]}, "/at/0", "no-time-zone"),  # noqa: DTZ001 - that is what is tested
    ],
)
def test_what_has_no_json_form_is_refused_with_its_place(value: Any, pointer: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        to_json(value)

    assert [(p.pointer, p.code) for p in refusal.value.problems] == [(pointer, code)]


def test_a_value_that_contains_itself_is_too_deep() -> None:
    loop: list[Any] = []
    loop.append(loop)

    with pytest.raises(InvalidInput, match="levels deep"):
        to_json(loop)


def test_shared_parts_cannot_multiply_without_bound() -> None:
    value: Any = (1,)
    for _ in range(60):
        value = (value, value)

    with pytest.raises(LimitExceeded):
        to_json(value, max_values=10_000)


_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=20,
)


@given(_json)
def test_plain_json_is_copied_unchanged(value: Any) -> None:
    copy = to_json(value)

    assert copy == value
    assert copy is not value or not isinstance(value, list | dict)
