"""Shapes of dataclasses and typed dictionaries: JSON objects with named fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, NotRequired, Required, get_args, get_origin, get_type_hints, is_typeddict

from workflowkit.base.errors import InvalidInput
from workflowkit.typeschema.docstring import parse_docstring
from workflowkit.typeschema.encode import to_json
from workflowkit.typeschema.shape import Decode, Schema, Shape, UnsupportedType

if TYPE_CHECKING:
    from workflowkit.typeschema.reader import Reader

#: No default, or one that has no JSON form.
NO_DEFAULT: Any = object()


@dataclass(frozen=True, slots=True)
class Member:
    """One named field of an object: a parameter of a handler or a field of a record."""

    name: str
    shape: Shape
    required: bool
    default: Any = NO_DEFAULT
    description: str = ""

    def schema(self) -> Schema:
        """Return the field's schema with its form label, description and default, if it has any."""
        schema: Schema = {"title": label_of(self.name)}
        if self.description:
            schema["description"] = self.description
        schema |= self.shape.schema
        if self.default is not NO_DEFAULT:
            schema["default"] = self.default
        return schema


def label_of(name: str) -> str:
    """Return ``order_id`` as ``Order id``."""
    words = name.strip("_").replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


def object_schema(members: list[Member], *, additional: Schema | bool = False) -> Schema:
    """Return the schema of an object with these fields, in this order."""
    return {
        "type": "object",
        "properties": {member.name: member.schema() for member in members},
        "required": [member.name for member in members if member.required],
        "additionalProperties": additional,
    }


def json_default(value: Any) -> Any:
    """Return a default as JSON, or ``NO_DEFAULT`` if it has no JSON form (a sentinel object, for example)."""
    try:
        return to_json(value)
    except InvalidInput:
        return NO_DEFAULT


def dataclass_shape(reader: Reader, candidate: Any) -> Shape | None:
    """Return the shape of a dataclass, or ``None`` for anything else."""
    if not (isinstance(candidate, type) and is_dataclass(candidate)):
        return None
    inner, hints = reader.inside(candidate), hints_of(candidate)
    described = parse_docstring(candidate.__doc__).parameters
    members = []
    for field in fields(candidate):
        if reader.direction == "input" and not field.init:
            continue
        raw_default = field.default if field.default_factory is MISSING else field.default_factory()
        # What goes out has all its fields; what comes in may leave those with a default to Python.
        required = reader.direction == "output" or raw_default is MISSING
        default = NO_DEFAULT if required else json_default(raw_default)
        shape = _field_shape(inner, candidate, field.name, hints)
        members.append(Member(field.name, shape, required, default, described.get(field.name, "")))
    decoders = _decoders(members)
    return Shape(object_schema(members), lambda value: candidate(**_decoded(value, decoders)))


def typed_dict_shape(reader: Reader, candidate: Any) -> Shape | None:
    """Return the shape of a ``TypedDict``, or ``None`` for anything else."""
    if not is_typeddict(candidate):
        return None
    inner, hints = reader.inside(candidate), hints_of(candidate)
    described = parse_docstring(candidate.__doc__).parameters
    members = []
    for name, hint in hints.items():
        # __required_keys__ is wrong under "from __future__ import annotations", where NotRequired[...] is still text.
        required = name in candidate.__required_keys__
        while get_origin(hint) in (Required, NotRequired):
            required = get_origin(hint) is Required
            (hint,) = get_args(hint)
        shape = _field_shape(inner, candidate, name, {name: hint})
        members.append(Member(name, shape, required, description=described.get(name, "")))
    decoders = _decoders(members)
    decode = (lambda value: _decoded(value, decoders)) if decoders else None
    return Shape(object_schema(members), decode)


def hints_of(owner: Any) -> dict[str, Any]:
    """Return the resolved annotations of a class. Raises ``UnsupportedType`` if a name in them cannot be found."""
    try:
        return get_type_hints(owner, include_extras=True)
    except NameError as error:
        raise UnsupportedType(
            f"the annotations of {owner.__qualname__} use {error.name!r}, which is not defined where it stands"
        ) from error


def _field_shape(reader: Reader, owner: type, name: str, hints: Mapping[str, Any]) -> Shape:
    try:
        return reader.read(hints[name])
    except UnsupportedType as error:
        raise UnsupportedType(f"{owner.__qualname__}.{name}: {error}") from None


def _decoders(members: list[Member]) -> dict[str, Decode]:
    return {member.name: member.shape.decode for member in members if member.shape.decode is not None}


def _decoded(value: Mapping[str, Any], decoders: Mapping[str, Decode]) -> dict[str, Any]:
    return {name: decoders[name](item) if name in decoders else item for name, item in value.items()}
