"""From type annotations to shapes: the standard types, and the containers and unions of them."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from workflowkit.base.decimals import DECIMAL_PATTERN
from workflowkit.typeschema.foreign import marshmallow_shape, pydantic_shape
from workflowkit.typeschema.records import dataclass_shape, typed_dict_shape
from workflowkit.typeschema.secrets import hide_secrets
from workflowkit.typeschema.shape import Decode, Direction, Field, Schema, Shape, UnsupportedType

_SEQUENCES = frozenset({list, Sequence, MutableSequence, Iterable})
_MAPPINGS = frozenset({dict, Mapping, MutableMapping})
_JSON_TYPE_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def shape_of(annotation: Any, *, direction: Direction = "input") -> Shape:
    """Return what ``annotation`` means in JSON. Raises ``UnsupportedType``.

    String annotations must be resolved already (``typing.get_type_hints``).
    """
    shape = Reader(direction).read(annotation)
    return replace(shape, schema=hide_secrets(shape.schema))


class Reader:
    """Reads annotations in one direction, remembering which classes it is inside of."""

    __slots__ = ("_within", "direction")

    def __init__(self, direction: Direction, within: tuple[Any, ...] = ()) -> None:
        self.direction: Direction = direction
        self._within = within

    def read(self, annotation: Any) -> Shape:
        """Return the shape of one annotation. Raises ``UnsupportedType``."""
        for attempt in _ATTEMPTS:
            if (shape := attempt(self, annotation)) is not None:
                return shape
        raise UnsupportedType(f"{_shown(annotation)} has no JSON form{_advice(annotation)}")

    def inside(self, record: type) -> Reader:
        """Return a reader for the fields of ``record``; a class inside itself has no finite schema."""
        if record in self._within:
            raise UnsupportedType(f"{_shown(record)} contains itself; recursive types are not supported")
        return Reader(self.direction, (*self._within, record))


def _read_simple(_reader: Reader, annotation: Any) -> Shape | None:
    try:
        return _SIMPLE.get(annotation)
    except TypeError:
        raise UnsupportedType(f"{annotation!r} is not a type") from None


def _read_annotated(reader: Reader, annotation: Any) -> Shape | None:
    if get_origin(annotation) is not Annotated:
        return None
    inner, *hints = get_args(annotation)
    shape = reader.read(inner)
    schema = shape.schema
    for hint in hints:
        if isinstance(hint, str):
            schema = schema | {"description": hint}
        elif isinstance(hint, Field):
            schema = hint.applied_to(schema)
            if hint.minimum is not None or hint.maximum is not None:
                shape = _bounded(shape, inner, hint)
    return Shape(schema, shape.decode, shape.encode)


def _read_alias(reader: Reader, annotation: Any) -> Shape | None:
    """Read ``NewType("X", T)`` and ``type X = T`` as ``T``."""
    for attribute in ("__supertype__", "__value__"):
        if not isinstance(annotation, type) and hasattr(annotation, attribute):
            return reader.read(getattr(annotation, attribute))
    return None


def _read_list(reader: Reader, annotation: Any) -> Shape | None:
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        item, build = reader.read(arguments[0]), tuple
    elif origin in _SEQUENCES:
        item, build = reader.read(arguments[0] if arguments else Any), None
    else:
        return None
    schema: Schema = {"type": "array"} | ({"items": item.schema} if item.schema else {})
    if (decode_item := item.decode) is not None:
        return Shape(schema, lambda value: (build or list)([decode_item(v) for v in value]))
    return Shape(schema, build)


def _read_dict(reader: Reader, annotation: Any) -> Shape | None:
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin not in _MAPPINGS:
        return None
    key, value = arguments or (str, Any)
    if key not in (str, Any):
        raise UnsupportedType(f"{_shown(annotation)}: the keys of a JSON object are text; use dict[str, ...]")
    item = reader.read(value)
    schema: Schema = {"type": "object"} | ({"additionalProperties": item.schema} if item.schema else {})
    if (decode_item := item.decode) is None:
        return Shape(schema)
    return Shape(schema, lambda members: {k: decode_item(v) for k, v in members.items()})


def _read_literal(_reader: Reader, annotation: Any) -> Shape | None:
    if get_origin(annotation) is not Literal:
        return None
    return Shape(_choice(list(get_args(annotation)), annotation))


def _read_enum(_reader: Reader, annotation: Any) -> Shape | None:
    if not (isinstance(annotation, type) and issubclass(annotation, Enum)):
        return None
    return Shape(_choice([member.value for member in annotation], annotation), annotation)


def _choice(values: list[Any], annotation: Any) -> Schema:
    names = {_JSON_TYPE_NAMES.get(type(value)) for value in values}
    if None in names:
        raise UnsupportedType(f"{_shown(annotation)}: every choice must be text, a number, true, false or null")
    return {"type": next(iter(names)), "enum": values} if len(names) == 1 else {"enum": values}


def _read_union(reader: Reader, annotation: Any) -> Shape | None:
    if get_origin(annotation) not in (Union, types.UnionType):
        return None
    shapes = [reader.read(member) for member in get_args(annotation)]
    schema = _any_of([shape.schema for shape in shapes])
    if all(shape.decode is None for shape in shapes):
        return Shape(schema)
    rest = [shape for shape in shapes if shape.schema != {"type": "null"}]
    if len(rest) == 1 and (decode_rest := rest[0].decode) is not None:
        return Shape(schema, lambda value: None if value is None else decode_rest(value))
    return Shape(schema, _first_that_fits(shapes))


def _any_of(schemas: list[Schema]) -> Schema:
    if {} in schemas:
        return {}
    if any(schema.keys() != {"type"} for schema in schemas):
        return {"anyOf": schemas}
    types_of = [schema["type"] for schema in schemas]
    names = [name for kind in types_of for name in (kind if isinstance(kind, list) else [kind])]
    names = [name for name in names if not (name == "integer" and "number" in names)]
    return {"type": names if len(names) > 1 else names[0]}


def _first_that_fits(shapes: list[Shape]) -> Decode:
    checks: list[tuple[Callable[[Any], bool], Shape]] = []

    def decode(value: Any) -> Any:
        if not checks:
            import jsonschema_rs  # 30 ms, and few actions have such a union

            checks.extend((jsonschema_rs.validator_for(shape.schema).is_valid, shape) for shape in shapes)
        for fits, shape in checks:
            if fits(value):
                return shape.decode(value) if shape.decode else value
        raise ValueError("fits none of the alternatives")

    return decode


def _read_record(reader: Reader, annotation: Any) -> Shape | None:
    for read in (pydantic_shape, dataclass_shape, typed_dict_shape):
        if (shape := read(reader, annotation)) is not None:
            return shape
    return marshmallow_shape(annotation, reader.direction)


def _read_decimal(reader: Reader, annotation: Any) -> Shape | None:
    if annotation is not Decimal:
        return None
    # Text is exact. What is written by hand, or comes from elsewhere, may be a number.
    kind: Schema = {"type": "string" if reader.direction == "output" else ["string", "number"]}
    return Shape(kind | {"pattern": DECIMAL_PATTERN}, _decimal)


def _decimal(value: Any) -> Decimal:
    try:
        number = Decimal(value if isinstance(value, str) else repr(value))
    except InvalidOperation:
        raise ValueError("not a decimal number") from None
    if not number.is_finite():
        raise ValueError("not a decimal number")
    return number


def _bounded(shape: Shape, annotation: Any, hint: Field) -> Shape:
    """Return a shape that holds decimals to the bounds of a hint. JSON Schema holds only numbers to them, not texts."""
    is_union = get_origin(annotation) in (Union, types.UnionType)
    members = set(get_args(annotation)) if is_union else {Decimal} if annotation is Decimal else set()
    if Decimal not in members:
        return shape
    if not members <= {Decimal, type(None)}:
        raise UnsupportedType(f"{_shown(annotation)}: a Decimal with bounds stands alone, or beside None")
    low, high = (None if bound is None else Decimal(repr(bound)) for bound in (hint.minimum, hint.maximum))

    def decode(value: Any) -> Decimal | None:
        if value is None:
            return None
        number = _decimal(value)
        if low is not None and number < low:
            raise ValueError(f"{number} is less than the minimum of {low}")
        if high is not None and number > high:
            raise ValueError(f"{number} is greater than the maximum of {high}")
        return number

    return replace(shape, decode=decode)


def _whole_number(value: Any) -> Any:
    # JSON has one kind of number: 2.0 is a valid integer, and would fail as an index.
    return int(value) if type(value) is float else value


_SIMPLE: dict[Any, Shape] = {
    Any: Shape({}),
    object: Shape({}),
    None: Shape({"type": "null"}),
    type(None): Shape({"type": "null"}),
    str: Shape({"type": "string"}),
    bool: Shape({"type": "boolean"}),
    int: Shape({"type": "integer"}, _whole_number),
    float: Shape({"type": "number"}),
    datetime: Shape({"type": "string", "format": "date-time"}, datetime.fromisoformat),
    date: Shape({"type": "string", "format": "date"}, date.fromisoformat),
    time: Shape({"type": "string", "format": "time"}, time.fromisoformat),
    UUID: Shape({"type": "string", "format": "uuid"}, UUID),
}

_ATTEMPTS: tuple[Callable[[Reader, Any], Shape | None], ...] = (
    _read_annotated,  # first, because its hints need not be hashable
    _read_simple,
    _read_decimal,
    _read_union,
    _read_literal,
    _read_list,
    _read_dict,
    _read_enum,
    _read_record,
    _read_alias,
)


def _shown(annotation: Any) -> str:
    if isinstance(annotation, type):
        return annotation.__qualname__
    return str(annotation).removeprefix("typing.")


def _advice(annotation: Any) -> str:
    advice = {
        "timedelta": "; take a number of seconds and say so in the name (delay_seconds: float)",
        "bytes": "; take text (base64)",
        "set": "; take a list",
        "tuple": "; take list[...] or tuple[..., ...]",
    }
    name = getattr(get_origin(annotation) or annotation, "__name__", "")
    return advice.get(name, "; use a standard type, a dataclass, a TypedDict or an explicit schema")
