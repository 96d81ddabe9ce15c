"""pydantic models and marshmallow schemas as types of inputs and outputs."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import jsonschema_rs
import marshmallow as ma
import pydantic
import pytest

from workflowkit.base.errors import InvalidInput
from workflowkit.typeschema import UnsupportedType, shape_of, to_json


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Item(pydantic.BaseModel):
    sku: str
    amount: int = pydantic.Field(default=1, ge=1, description="How many")


class Order(pydantic.BaseModel):
    """What somebody bought."""

    items: list[Item]
    first: Item | None = None
    ordered_at: datetime = pydantic.Field(alias="orderedAt")


class Node(pydantic.BaseModel):
    children: list[Node] = []


class ItemSchema(ma.Schema):
    sku = ma.fields.String(required=True, validate=ma.validate.Length(min=1, max=20))
    amount = ma.fields.Integer(load_default=1, validate=ma.validate.Range(min=1), metadata={"description": "How many"})


class OrderSchema(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(ItemSchema), required=True)
    more = ma.fields.Nested(ItemSchema, many=True)
    plan = ma.fields.String(validate=ma.validate.OneOf(["free", "gold"]), allow_none=True)
    price = ma.fields.Float(validate=ma.validate.Range(min=0, max=9, min_inclusive=False))
    codes = ma.fields.List(ma.fields.String(), validate=ma.validate.Length(equal=2))
    size = ma.fields.Enum(Size, by_value=True)
    word = ma.fields.Enum(Size)
    email = ma.fields.Email(data_key="eMail", metadata={"title": "Address"})
    at = ma.fields.DateTime()
    extra = ma.fields.Raw()
    server_side = ma.fields.String(dump_only=True)


class OpenSchema(ma.Schema):
    class Meta:
        unknown = ma.INCLUDE


class SelfSchema(ma.Schema):
    child = ma.fields.Nested(lambda: SelfSchema())


class OddField(ma.fields.Field[Any]):
    pass


class OddSchema(ma.Schema):
    odd = OddField()


def test_a_pydantic_model_is_one_schema_without_references() -> None:
    schema = shape_of(Order).schema

    jsonschema_rs.meta.validate(schema)
    assert "$ref" not in str(schema)
    assert "$defs" not in str(schema)
    assert schema["properties"]["items"]["items"]["properties"]["amount"]["description"] == "How many"
    assert schema["required"] == ["items", "orderedAt"]


def test_a_pydantic_model_reaches_the_handler_as_an_object() -> None:
    decode = shape_of(Order).decode
    assert decode is not None

    order = decode({"items": [{"sku": "a"}], "orderedAt": "2026-01-02T00:00:00Z"})

    assert isinstance(order, Order)
    assert order.items == [Item(sku="a", amount=1)]


def test_a_pydantic_model_goes_out_under_its_aliases() -> None:
    order = Order(items=[Item(sku="a")], orderedAt=datetime(2026, 1, 2, tzinfo=UTC))

    value = to_json({"order": order})

    assert value["order"]["orderedAt"] == "2026-01-02T00:00:00Z"
    assert jsonschema_rs.is_valid(shape_of(Order, direction="output").schema, value["order"])


def test_a_pydantic_model_that_contains_itself_is_refused() -> None:
    with pytest.raises(UnsupportedType, match="contains itself"):
        shape_of(Node)


def test_a_marshmallow_schema_has_the_schemas_of_its_fields() -> None:
    schema = shape_of(OrderSchema).schema

    jsonschema_rs.meta.validate(schema)
    item = {
        "type": "object",
        "properties": {
            "sku": {"title": "Sku", "type": "string", "minLength": 1, "maxLength": 20},
            "amount": {"title": "Amount", "description": "How many", "type": "integer", "minimum": 1, "default": 1},
        },
        "required": ["sku"],
        "additionalProperties": False,
    }
    assert schema["required"] == ["items"]
    assert schema["additionalProperties"] is False
    assert schema["properties"] == {
        "items": {"title": "Items", "type": "array", "items": item},
        "more": {"title": "More", "type": "array", "items": item},
        "plan": {"title": "Plan", "anyOf": [{"type": "string", "enum": ["free", "gold"]}, {"type": "null"}]},
        "price": {"title": "Price", "type": "number", "exclusiveMinimum": 0, "maximum": 9},
        "codes": {"title": "Codes", "type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
        "size": {"title": "Size", "enum": ["s", "l"]},
        "word": {"title": "Word", "enum": ["SMALL", "LARGE"]},
        "eMail": {"title": "Address", "type": "string", "format": "email"},
        "at": {"title": "At", "type": "string", "format": "date-time"},
        "extra": {"title": "Extra"},
    }


def test_a_marshmallow_schema_loads_what_comes_in_and_dumps_what_goes_out() -> None:
    shape = shape_of(OrderSchema)
    assert shape.decode is not None
    assert shape.encode is not None

    loaded = shape.decode({"items": [{"sku": "a"}], "size": "s"})

    assert loaded == {"items": [{"sku": "a", "amount": 1}], "size": Size.SMALL}
    assert shape.encode(loaded)["size"] == "s"


def test_a_marshmallow_default_without_json_form_stays_out_of_the_schema() -> None:
    class Defaulted(ma.Schema):
        extra = ma.fields.Raw(load_default=object())

    assert shape_of(Defaulted).schema["properties"] == {"extra": {"title": "Extra"}}


def test_a_value_that_a_marshmallow_schema_refuses_is_a_value_error() -> None:
    decode = shape_of(ItemSchema()).decode
    assert decode is not None

    with pytest.raises(ValueError, match="sku"):
        decode({})


def test_a_schema_that_includes_the_unknown_admits_further_properties() -> None:
    assert shape_of(OpenSchema).schema["additionalProperties"] is True


def test_dump_only_fields_are_outputs_only() -> None:
    assert "server_side" in shape_of(OrderSchema, direction="output").schema["properties"]


@pytest.mark.parametrize(("schema", "words"), [(SelfSchema, "contains itself"), (OddSchema, "OddSchema.odd.*OddField")])
def test_a_marshmallow_schema_without_json_schema_is_refused(schema: Any, words: str) -> None:
    with pytest.raises(UnsupportedType, match=words):
        shape_of(schema)


def test_registering_actions_imports_neither_library() -> None:
    program = (
        "import sys; from workflowkit.registry import Registry; r = Registry(); "
        "r.action('a')(lambda ctx, x=1: x); "
        "print([m for m in ('pydantic', 'marshmallow', 'sqlalchemy', 'networkx', 'flask', 'asyncio', 'jsonschema', "
        "'httpx', 'jsonschema_rs') if m in sys.modules])"
    )

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


class TimesSchema(ma.Schema):
    at = ma.fields.DateTime(required=True)
    all = ma.fields.List(ma.fields.DateTime(), load_default=list)
    spoken = ma.fields.DateTime(format="%d.%m.%Y", load_default=None)


class Times(pydantic.BaseModel):
    at: datetime
    some: list[datetime | None] = []
    named: dict[str, datetime] = {}


NAIVE = datetime(2026, 1, 2)  # noqa: DTZ001 - that is what is tested
AWARE = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("declared", "value", "pointer"),
    [
        (TimesSchema, {"at": NAIVE}, "/at"),
        (TimesSchema, {"at": AWARE, "all": [AWARE, NAIVE]}, "/all/1"),
        (Times, Times(at=NAIVE), "/at"),
        (Times, Times(at=AWARE, some=[None, NAIVE]), "/some/1"),
        (Times, Times(at=AWARE, named={"a/b": NAIVE}), "/named/a~1b"),
    ],
)
def test_a_time_without_a_zone_does_not_go_out(declared: Any, value: Any, pointer: str) -> None:
    """Whoever takes one next would refuse it, as no date-time."""
    encode = shape_of(declared, direction="output").encode
    assert encode is not None
    with pytest.raises(InvalidInput, match="has no time zone") as refusal:
        encode(value)
    assert [problem.pointer for problem in refusal.value.problems] == [pointer]


def test_times_with_a_zone_and_in_a_form_of_their_own_go_out() -> None:
    encode = shape_of(TimesSchema, direction="output").encode
    assert encode is not None
    assert encode({"at": AWARE, "spoken": NAIVE}) == {"at": "2026-01-02T00:00:00+00:00", "spoken": "02.01.2026"}
    encode = shape_of(Times, direction="output").encode
    assert encode is not None
    assert encode(Times(at=AWARE))["at"] == "2026-01-02T00:00:00Z"
    assert shape_of(Item, direction="output").encode is None
