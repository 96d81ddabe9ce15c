"""Schemas written out by the developer."""

from typing import Any

import pytest

from workflowkit.typeschema import UnsupportedType
from workflowkit.typeschema.explicit import explicit_shape


def test_a_json_schema_is_taken_as_it_is_and_copied() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}

    taken = explicit_shape(schema, direction="input").schema

    assert taken == schema
    schema["properties"]["a"]["type"] = "integer"  # type: ignore[index]
    assert taken["properties"]["a"] == {"type": "string"}


def test_a_workflow_kit_table_becomes_an_object_schema() -> None:
    table = {
        "to": {"type": {"type": "string", "title": "Receiver"}, "fieldType": "text"},
        "body": {"type": {"type": "string"}, "fieldType": "textarea", "description": "What to say"},
        "copies": {"type": {"type": "integer", "default": 1}},
        "note": {"type": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "any": {"type": {}},
    }

    assert explicit_shape(table, direction="input").schema == {
        "type": "object",
        "properties": {
            "to": {"title": "Receiver", "type": "string", "ui": {"widget": "text"}},
            "body": {"title": "Body", "description": "What to say", "type": "string", "ui": {"widget": "textarea"}},
            "copies": {"title": "Copies", "type": "integer", "default": 1},
            "note": {"title": "Note", "anyOf": [{"type": "string"}, {"type": "null"}]},
            "any": {"title": "Any"},
        },
        "required": ["to", "body"],
        "additionalProperties": False,
    }


def test_an_input_that_is_called_type_does_not_make_a_table_a_schema() -> None:
    table = {"type": {"type": {"type": "string"}}}

    assert list(explicit_shape(table, direction="input").schema["properties"]) == ["type"]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "strnig"}, "not a JSON Schema"),
        ({"properties": {"a": {"minimum": "x"}}}, "not a JSON Schema"),
        ({"properties": {"a": {"$ref": "https://example.com/x.json"}}}, "only point into the same schema"),
        ({"allOf": [{"$ref": "file:///etc/passwd"}]}, "only point into the same schema"),
    ],
)
def test_a_bad_schema_is_refused_before_anything_is_fetched(schema: dict[str, Any], words: str) -> None:
    with pytest.raises(UnsupportedType, match=words):
        explicit_shape(schema, direction="input")


def test_a_reference_within_the_schema_is_allowed() -> None:
    schema = {"$defs": {"x": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/x"}}}

    assert explicit_shape(schema, direction="input").schema == schema
