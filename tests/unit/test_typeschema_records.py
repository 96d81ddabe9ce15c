"""Dataclasses and typed dictionaries as types of inputs and outputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Annotated, Any, NotRequired, Required, TypedDict

import pytest

from workflowkit.typeschema import Field, UnsupportedType, shape_of

UNSET: Any = object()


class Color(Enum):
    RED = "red"


@dataclass(frozen=True)
class Address:
    """Where somebody lives.

    Attributes:
        street: With the number.
    """

    street: str
    zip_code: Annotated[str, Field(pattern="^[0-9]{5}$")] = "00000"


@dataclass
class Customer:
    name: str
    address: Address
    colors: list[Color] = field(default_factory=list)
    sentinel: Any = UNSET
    derived: int = field(init=False, default=3)


class Options(TypedDict, total=False):
    since: date
    limit: Required[int]


class Query(Options):
    text: str
    note: NotRequired[str | None]


class Plain(TypedDict):
    a: str


@dataclass
class Tree:
    children: list[Tree]


@dataclass
class Bad:
    amount: complex


@dataclass
class Dangling:
    other: DoesNotExist  # type: ignore[name-defined]  # noqa: F821


def test_a_dataclass_is_an_object_with_its_fields_in_order() -> None:
    assert shape_of(Address).schema == {
        "type": "object",
        "properties": {
            "street": {"title": "Street", "description": "With the number.", "type": "string"},
            "zip_code": {"title": "Zip code", "type": "string", "pattern": "^[0-9]{5}$", "default": "00000"},
        },
        "required": ["street"],
        "additionalProperties": False,
    }


def test_nested_records_are_decoded() -> None:
    decode = shape_of(Customer).decode
    assert decode is not None

    customer = decode({"name": "Ann", "address": {"street": "Main 1"}, "colors": ["red"]})

    assert isinstance(customer, Customer)
    assert customer.address == Address("Main 1")
    assert customer.colors == [Color.RED]


def test_defaults_without_json_form_stay_out_of_the_schema() -> None:
    schema = shape_of(Customer).schema

    assert schema["properties"]["colors"]["default"] == []
    assert "default" not in schema["properties"]["sentinel"]
    assert schema["required"] == ["name", "address"]
    assert "derived" not in schema["properties"]


def test_what_goes_out_has_all_its_fields() -> None:
    schema = shape_of(Customer, direction="output").schema

    assert schema["required"] == ["name", "address", "colors", "sentinel", "derived"]


def test_a_typed_dict_knows_which_keys_are_required_even_if_its_annotations_are_text() -> None:
    schema = shape_of(Query).schema

    assert list(schema["properties"]) == ["since", "limit", "text", "note"]
    assert schema["required"] == ["limit", "text"]


def test_a_typed_dict_is_decoded_key_by_key() -> None:
    decode = shape_of(Query).decode
    assert decode is not None

    assert decode({"since": "2026-01-02", "limit": 3, "text": "x"}) == {
        "since": date(2026, 1, 2),
        "limit": 3,
        "text": "x",
    }


def test_a_typed_dict_of_plain_types_is_passed_on_as_it_is() -> None:
    assert shape_of(Plain).decode is None


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (Tree, ["Tree.children", "contains itself"]),
        (Bad, ["Bad.amount", "complex"]),
        (Dangling, ["Dangling", "DoesNotExist"]),
    ],
)
def test_a_record_that_has_no_finite_schema_is_refused_by_name(record: type, words: list[str]) -> None:
    with pytest.raises(UnsupportedType) as refusal:
        shape_of(record)

    for word in words:
        assert word in str(refusal.value)


def test_the_same_record_may_stand_twice_side_by_side() -> None:
    @dataclass
    class Route:
        start: Address
        end: Address

    Route.__annotations__ = {"start": Address, "end": Address}
    properties = shape_of(Route).schema["properties"]

    assert properties["start"]["properties"] == properties["end"]["properties"]
