"""What the annotations of a handler mean in JSON: their schemas, and how values get there."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, Union
from uuid import UUID

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflowkit.base.decimals import DECIMAL_PATTERN
from workflowkit.typeschema import Field, UnsupportedType, shape_of

TEXT: dict[str, Any] = {"type": "string"}


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Pair(NamedTuple):
    a: int
    b: int


OrderId = NewType("OrderId", str)


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (str, TEXT),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (Any, {}),
        (object, {}),
        (list, {"type": "array"}),
        (list[str], {"type": "array", "items": TEXT}),
        (list[list[int]], {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}),
        (Sequence[str], {"type": "array", "items": TEXT}),
        (tuple[str, ...], {"type": "array", "items": TEXT}),
        (dict, {"type": "object"}),
        (dict[str, Any], {"type": "object"}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Mapping[str, str], {"type": "object", "additionalProperties": TEXT}),
        (str | None, {"type": ["string", "null"]}),
        (Optional[int], {"type": ["integer", "null"]}),  # noqa: UP045
        (Union[str, int], {"type": ["string", "integer"]}),  # noqa: UP007
        (int | float, {"type": "number"}),
        (
            Annotated[str | None, "x"] | int,
            {"anyOf": [{"type": ["string", "null"], "description": "x"}, {"type": "integer"}]},
        ),
        (list[str] | None, {"anyOf": [{"type": "array", "items": TEXT}, {"type": "null"}]}),
        (str | Any, {}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Literal[1, "b", None], {"enum": [1, "b", None]}),
        (Size, {"type": "string", "enum": ["s", "l"]}),
        (Level, {"type": "integer", "enum": [1, 2]}),
        (datetime, {"type": "string", "format": "date-time"}),
        (date, {"type": "string", "format": "date"}),
        (time, {"type": "string", "format": "time"}),
        (Decimal, {"type": ["string", "number"], "pattern": DECIMAL_PATTERN}),
        (UUID, {"type": "string", "format": "uuid"}),
        (OrderId, TEXT),
        (Annotated[str, "An address"], {"type": "string", "description": "An address"}),
        (Annotated[int, Field(minimum=1, maximum=5)], {"type": "integer", "minimum": 1, "maximum": 5}),
        (Annotated[str, Field(widget="textarea")], {"type": "string", "ui": {"widget": "textarea"}}),
        (
            Annotated[str, Field(title="T", description="d", pattern="^x", min_length=1, examples=("x",))],
            {"title": "T", "description": "d", "type": "string", "pattern": "^x", "minLength": 1, "examples": ["x"]},
        ),
        (
            Annotated[str, Field(secret=True, placeholder="sk-...", examples=("sk-1",))],
            {"type": "string", "writeOnly": True, "ui": {"placeholder": "sk-...", "widget": "password"}},
        ),
        (Annotated[str, object()], TEXT),
    ],
)
def test_an_annotation_has_one_schema(annotation: Any, schema: dict[str, Any]) -> None:
    shape = shape_of(annotation)

    assert shape.schema == schema
    jsonschema_rs.meta.validate(shape.schema)


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (Size, "s", Size.SMALL),
        (Level, 2, Level.HIGH),
        (list[Size], ["s", "l"], [Size.SMALL, Size.LARGE]),
        (tuple[str, ...], ["a"], ("a",)),
        (tuple[Size, ...], ["l"], (Size.LARGE,)),
        (dict[str, Size], {"a": "s"}, {"a": Size.SMALL}),
        (Size | None, None, None),
        (Size | None, "l", Size.LARGE),
        (datetime, "2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (date, "2026-01-02", date(2026, 1, 2)),
        (time, "03:04:05", time(3, 4, 5)),
        (date | int, "2026-01-02", date(2026, 1, 2)),
        (date | int, 3, 3),
        (list[Size] | str, "s", "s"),
        (list[Size] | str, ["s"], [Size.SMALL]),
        (int, 2.0, 2),
        (Decimal, "1.10", Decimal("1.10")),
        (Decimal, 129.5, Decimal("129.5")),
        (Decimal, 3, Decimal(3)),
        (Decimal | None, "-.5e2", Decimal("-50")),
        (list[Decimal], ["1.1", 1.1], [Decimal("1.1"), Decimal("1.1")]),
        (UUID, "00000000-0000-0000-0000-000000000001", UUID(int=1)),
    ],
)
def test_a_json_value_becomes_the_annotated_type(annotation: Any, value: Any, expected: Any) -> None:
    decode = shape_of(annotation).decode

    assert decode is not None
    result = decode(value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize("annotation", [Decimal, Annotated[Decimal | None, Field(minimum=0.01, maximum=1000)]])
@pytest.mark.parametrize("value", ["", "1,5", "NaN", "Infinity", "0x10", "1 2", "1e99999"])
def test_a_text_that_is_no_decimal_number_is_refused_by_the_schema(annotation: Any, value: str) -> None:
    assert not jsonschema_rs.validator_for(shape_of(annotation).schema).is_valid(value)


def test_bounds_hold_for_decimals_also_where_they_are_text() -> None:
    decode = shape_of(Annotated[Decimal | None, Field(minimum=0.01, maximum=1000)]).decode
    assert decode is not None
    assert (decode("0.01"), decode("1000"), decode(None)) == (Decimal("0.01"), Decimal(1000), None)
    with pytest.raises(ValueError, match=r"0 is less than the minimum of 0\.01"):
        decode("0")
    with pytest.raises(ValueError, match=r"1000\.01 is greater than the maximum of 1000"):
        decode("1000.01")


def test_what_a_decimal_gives_is_text() -> None:
    assert shape_of(Decimal, direction="output").schema == {"type": "string", "pattern": DECIMAL_PATTERN}


@pytest.mark.parametrize("annotation", [str, float, bool, Any, list[str], dict[str, Any], str | None, Literal["a"]])
def test_plain_types_are_not_touched_on_the_way_to_a_handler(annotation: Any) -> None:
    assert shape_of(annotation).decode is None


def test_a_value_that_fits_no_member_of_a_union_is_refused() -> None:
    decode = shape_of(list[Size] | int).decode
    assert decode is not None

    with pytest.raises(ValueError, match="fits none"):
        decode("s")


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (timedelta, ["timedelta", "seconds"]),
        (Annotated[Decimal | int, Field(minimum=0)], ["Decimal", "alone"]),
        (bytes, ["bytes", "base64"]),
        (set[str], ["set[str]", "list"]),
        (tuple[int, str], ["tuple[int, str]"]),
        (Pair, ["Pair", "dataclass"]),
        (complex, ["complex"]),
        (dict[int, str], ["dict[int, str]", "keys"]),
        (list[complex], ["complex"]),
        (int | complex, ["complex"]),
        (Literal[b"a"], ["choice"]),
        ([], ["[]"]),
    ],
)
def test_a_type_without_json_form_is_refused_with_advice(annotation: Any, words: list[str]) -> None:
    with pytest.raises(UnsupportedType) as refusal:
        shape_of(annotation)

    for word in words:
        assert word in str(refusal.value)


_annotations = st.recursive(
    st.sampled_from([str, int, float, bool, None, Any, date, Size, Literal["x", 1]]),
    lambda inner: st.one_of(
        inner.map(lambda a: list.__class_getitem__(a)),
        inner.map(lambda a: dict.__class_getitem__((str, a))),
        inner.map(lambda a: tuple.__class_getitem__((a, ...))),
        inner.map(lambda a: Optional[a]),  # noqa: UP045
        st.tuples(inner, inner).map(lambda pair: Union[pair]),  # noqa: UP007
        inner.map(lambda a: Annotated[a, "words"]),
    ),
    max_leaves=5,
)


@given(_annotations)
def test_every_composition_of_supported_types_has_a_valid_schema(annotation: Any) -> None:
    jsonschema_rs.meta.validate(shape_of(annotation).schema)


@given(st.lists(st.one_of(st.none(), st.sampled_from(Size))))
def test_encoding_and_decoding_a_list_of_choices_is_the_identity(values: list[Size | None]) -> None:
    from workflowkit.typeschema import to_json

    decode = shape_of(list[Size | None]).decode

    assert decode is not None
    assert decode(to_json(values)) == values
