"""What a type means in JSON: its schema, and how a value gets from JSON to Python and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Schema = dict[str, Any]

#: Turns JSON into the Python value of a type. Raises ``ValueError``, ``TypeError`` or ``KeyError`` if it cannot.
Decode = Callable[[Any], Any]
#: Turns a Python value into JSON.
Encode = Callable[[Any], Any]

#: ``input``: JSON comes in and is decoded. ``output``: Python goes out and is encoded.
Direction = Literal["input", "output"]


class UnsupportedType(Exception):
    """An annotation has no meaning in JSON; the message says which and what to use instead."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A JSON Schema with its conversions. ``None`` as a conversion means that JSON and Python value are the same."""

    schema: Schema
    decode: Decode | None = None
    encode: Encode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A hint for one input: ``Annotated[str, Field(title="Text", widget="textarea")]``.

    ``widget`` names the form control and lands in the schema as ``"ui": {"widget": ...}``; the editor knows ``text``,
    ``textarea``, ``password``, ``select``, ``code``, ``form`` and falls back to the type's own. ``secret`` hides what
    is typed and keeps the parameter's default out of everything that is shown. ``not_empty``: a document that writes
    null or blanks there has an error, while a reference may come out so. ``schema_from``, of a member of the output:
    the input that holds the JSON Schema of what stands there. The rest are JSON Schema keywords.
    """

    title: str | None = None
    description: str | None = None
    widget: str | None = None
    placeholder: str | None = None
    format: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    pattern: str | None = None
    examples: tuple[Any, ...] = ()
    secret: bool = False
    not_empty: bool = False
    schema_from: str | None = None

    def applied_to(self, schema: Schema) -> Schema:
        """Return ``schema`` with this hint's keywords added."""
        keywords = {
            "title": self.title,
            "description": self.description,
            "format": self.format,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "minLength": self.min_length,
            "maxLength": self.max_length,
            "minItems": self.min_items,
            "maxItems": self.max_items,
            "pattern": self.pattern,
            "examples": list(self.examples) or None,
            "x-not-empty": self.not_empty or None,
            "x-schema-from": self.schema_from,
        }
        ui = {"widget": self.widget, "placeholder": self.placeholder}
        result = schema | {key: value for key, value in keywords.items() if value is not None}
        if shown := {key: value for key, value in ui.items() if value is not None}:
            result["ui"] = result.get("ui", {}) | shown
        return as_secret(result) if self.secret else result


def as_secret(schema: Schema) -> Schema:
    """Mark a schema as one whose values are typed blindly, and forget its default."""
    shown = {key: value for key, value in schema.items() if key not in ("default", "examples")}
    return shown | {"writeOnly": True, "ui": {**schema.get("ui", {}), "widget": "password"}}
