"""Schemas that a developer writes out: a JSON Schema, the Workflow Kit's table of inputs, or a model class."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from workflowkit.typeschema.reader import shape_of
from workflowkit.typeschema.records import label_of
from workflowkit.typeschema.shape import Direction, Schema, Shape, UnsupportedType


def explicit_shape(declared: Any, *, direction: Direction) -> Shape:
    """Return the shape of what was passed as ``inputs=`` or ``outputs=``. Raises ``UnsupportedType``.

    Accepted are a JSON Schema, a table ``{name: {"type": <JSON Schema>, "fieldType": "textarea"}}`` as in the Workflow
    Kit (every input is required unless its schema has a default or admits null), and whatever may be an annotation.
    """
    if not isinstance(declared, Mapping):
        return shape_of(declared, direction=direction)
    schema = deepcopy(dict(declared))
    if _is_kit_table(schema):
        schema = _from_kit_table(schema, direction)
    _refuse_bad_schema(schema)
    return Shape(schema)


def _is_kit_table(declared: Schema) -> bool:
    # In a JSON Schema "type" is text or a list; only in the table is every value an object whose "type" is a schema.
    return bool(declared) and all(
        isinstance(entry, Mapping) and isinstance(entry.get("type"), Mapping) for entry in declared.values()
    )


def _from_kit_table(table: Schema, direction: Direction) -> Schema:
    properties: dict[str, Schema] = {}
    for name, entry in table.items():
        schema: Schema = {"title": label_of(name), **entry["type"]}
        if description := entry.get("description"):
            schema["description"] = description
        if widget := entry.get("fieldType"):
            schema["ui"] = schema.get("ui", {}) | {"widget": widget}
        properties[name] = schema
    optional = {name for name, schema in properties.items() if "default" in schema or admits_null(schema)}
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if direction == "output" or name not in optional],
        "additionalProperties": direction == "output",
    }


def admits_null(schema: Schema) -> bool:
    """Return whether ``null`` is among the values that the schema's own keywords allow."""
    kind = schema.get("type")
    if kind is not None:
        return kind == "null" or (isinstance(kind, list) and "null" in kind)
    if "anyOf" in schema:
        return any(admits_null(member) for member in schema["anyOf"])
    return None in schema["enum"] if "enum" in schema else "const" not in schema


def _refuse_bad_schema(schema: Schema) -> None:
    import jsonschema_rs  # 30 ms, and inferred schemas need no check

    # Looked at before any validator sees the schema, because validators fetch what a $ref names.
    for reference in _references(schema):
        if not reference.startswith("#"):
            raise UnsupportedType(f"$ref may only point into the same schema, not to {reference!r}")
    try:
        jsonschema_rs.meta.validate(schema)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        raise UnsupportedType(f"not a JSON Schema: {str(error).splitlines()[0]}") from None


def _references(value: Any) -> list[str]:
    found, waiting = [], [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            found += [text for key, text in item.items() if key in ("$ref", "$dynamicRef") and isinstance(text, str)]
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return found
