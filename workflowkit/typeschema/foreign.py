"""Shapes of pydantic models and marshmallow schemas, without importing either: who passes one has imported it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflowkit.base.errors import InvalidInput
from workflowkit.typeschema.encode import is_model, to_json
from workflowkit.typeschema.shape import Direction, Schema, Shape, UnsupportedType
from workflowkit.typeschema.zones import zoned

if TYPE_CHECKING:
    from workflowkit.typeschema.reader import Reader


def pydantic_shape(reader: Reader, candidate: Any) -> Shape | None:
    """Return the shape of a pydantic model, or ``None`` for anything else."""
    if not (isinstance(candidate, type) and is_model(candidate)):
        return None
    model: Any = candidate
    mode = "validation" if reader.direction == "input" else "serialization"
    document = model.model_json_schema(mode=mode)
    schema = inlined(document, candidate.__qualname__)
    return Shape(schema, model.model_validate, zoned(schema) if reader.direction == "output" else None)


def inlined(document: Schema, name: str) -> Schema:
    """Return a schema with its local ``$ref`` replaced by what they point to. Raises ``UnsupportedType`` on recursion.

    A form generator and our own validators then need no resolver, and nothing can make them fetch one.
    """
    definitions = document.get("$defs", {})

    def resolve(value: Any, within: tuple[str, ...]) -> Any:
        if isinstance(value, list):
            return [resolve(item, within) for item in value]
        if not isinstance(value, dict):
            return value
        reference = value.get("$ref")
        rest = {key: resolve(item, within) for key, item in value.items() if key not in ("$ref", "$defs")}
        if not isinstance(reference, str):
            return rest
        target = reference.removeprefix("#/$defs/")
        if target in within:
            raise UnsupportedType(f"{name} contains itself ({target}); recursive types are not supported")
        return resolve(definitions[target], (*within, target)) | rest

    resolved: Schema = resolve(document, ())
    return resolved


def marshmallow_shape(candidate: Any, direction: Direction) -> Shape | None:
    """Return the shape of a marshmallow schema (class or instance), or ``None`` for anything else."""
    marshmallow = sys.modules.get("marshmallow")
    if marshmallow is None:
        return None
    if isinstance(candidate, type) and issubclass(candidate, marshmallow.Schema):
        candidate = candidate()
    if not isinstance(candidate, marshmallow.Schema):
        return None
    schema = _schema_of(candidate, marshmallow, direction, ())
    return Shape(schema, _loader(candidate), zoned(schema, lambda value: to_json(candidate.dump(value))))


def _loader(schema: Any) -> Any:
    def load(value: Any) -> Any:
        try:
            return schema.load(value)
        except sys.modules["marshmallow"].ValidationError as error:
            raise ValueError(str(error)) from error

    return load


#: marshmallow's fields by class; subclasses follow their nearest ancestor in this table.
_FIELDS: Mapping[str, Schema] = {
    "Raw": {},
    "String": {"type": "string"},
    "UUID": {"type": "string", "format": "uuid"},
    "Email": {"type": "string", "format": "email"},
    "Url": {"type": "string", "format": "uri"},
    "DateTime": {"type": "string", "format": "date-time"},
    "Date": {"type": "string", "format": "date"},
    "Time": {"type": "string", "format": "time"},
    "Integer": {"type": "integer"},
    "Float": {"type": "number"},
    "Decimal": {"type": ["number", "string"]},
    "Boolean": {"type": "boolean"},
    "Dict": {"type": "object"},
}


def _schema_of(schema: Any, marshmallow: Any, direction: Direction, within: tuple[type, ...]) -> Schema:
    if type(schema) in within:
        raise UnsupportedType(f"{type(schema).__qualname__} contains itself; recursive types are not supported")
    chosen = schema.load_fields if direction == "input" else schema.dump_fields
    within = (*within, type(schema))
    properties, required = {}, []
    for attribute, field in chosen.items():
        name = field.data_key or attribute
        try:
            properties[name] = _property(name, field, marshmallow, direction, within)
        except UnsupportedType as error:
            raise UnsupportedType(f"{type(schema).__qualname__}.{attribute}: {error}") from None
        if field.required or direction == "output":
            required.append(name)
    additional = direction == "input" and schema.unknown != marshmallow.RAISE
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": additional}


def _property(name: str, field: Any, marshmallow: Any, direction: Direction, within: tuple[type, ...]) -> Schema:
    title = field.metadata.get("title") or name.replace("_", " ").capitalize()
    schema = {"title": title} | _field_schema(field, marshmallow, direction, within)
    if description := field.metadata.get("description"):
        schema["description"] = description
    if field.load_default is not marshmallow.missing and not callable(field.load_default):
        try:
            schema["default"] = to_json(field.load_default)
        except InvalidInput:
            schema.pop("default", None)
    return schema


def _field_schema(field: Any, marshmallow: Any, direction: Direction, within: tuple[type, ...]) -> Schema:
    fields = marshmallow.fields
    if isinstance(field, fields.Nested):
        inner = _schema_of(field.schema, marshmallow, direction, within)
        schema = {"type": "array", "items": inner} if field.many else inner
    elif isinstance(field, fields.List):
        schema = {"type": "array", "items": _field_schema(field.inner, marshmallow, direction, within)}
    elif isinstance(field, fields.Enum):
        schema = {"enum": [m.value if field.by_value else m.name for m in field.enum]}
    else:
        schema = dict(_known(field))
    schema = _constrained(schema, field, marshmallow)
    return {"anyOf": [schema, {"type": "null"}]} if field.allow_none else schema


def _known(field: Any) -> Schema:
    for ancestor in type(field).__mro__:
        if (schema := _FIELDS.get(ancestor.__name__)) is not None:
            return schema
    raise UnsupportedType(f"the marshmallow field {type(field).__name__} has no JSON form here")


def _constrained(schema: Schema, field: Any, marshmallow: Any) -> Schema:
    text = schema.get("type") == "string"
    for rule in field.validators:
        if isinstance(rule, marshmallow.validate.OneOf):
            schema["enum"] = list(rule.choices)
        elif isinstance(rule, marshmallow.validate.Length):
            low, high = ("minLength", "maxLength") if text else ("minItems", "maxItems")
            schema |= _bounds(low, rule.equal or rule.min, high, rule.equal or rule.max)
        elif isinstance(rule, marshmallow.validate.Range):
            schema |= _bounds(
                "minimum" if rule.min_inclusive else "exclusiveMinimum",
                rule.min,
                "maximum" if rule.max_inclusive else "exclusiveMaximum",
                rule.max,
            )
    return schema


def _bounds(low: str, minimum: Any, high: str, maximum: Any) -> Schema:
    return {key: value for key, value in ((low, minimum), (high, maximum)) if value is not None}
