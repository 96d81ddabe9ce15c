"""The TypeScript types of the API are the ones of the API as it is."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def api_types() -> ModuleType:
    spec = importlib.util.spec_from_file_location("api_types", ROOT / "scripts/api_types.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_types_are_up_to_date(api_types: ModuleType) -> None:
    assert api_types.TARGET.read_text() == api_types.module_text(api_types.openapi_document()), (
        "the API has changed: run .venv/bin/python scripts/api_types.py"
    )


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["integer", "null"]}, "number | null"),
        ({"type": "string", "enum": ["a", "b"]}, '"a" | "b"'),
        ({"type": ["string", "null"], "enum": ["a", None]}, '"a" | null'),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Run"}}, "readonly Run[]"),
        ({"type": "array", "items": {"type": ["string", "null"]}}, "readonly (string | null)[]"),
        ({"anyOf": [{"$ref": "#/components/schemas/Run"}, {"type": "null"}]}, "Run | null"),
        ({"type": "object", "additionalProperties": {}}, "JsonObject"),
        ({"description": "anything"}, "Json"),
    ],
)
def test_schemas_become_types(api_types: ModuleType, schema: dict[str, Any], text: str) -> None:
    assert api_types.type_text(schema) == text


def test_members_that_may_be_absent_are_optional(api_types: ModuleType) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "description": "Why."}, "b": {}},
        "required": ["a"],
    }
    text = api_types.module_text({"components": {"schemas": {"Thing": schema}}})
    assert "  /** Why. */\n  readonly a: string;\n  readonly b?: Json;\n" in text
