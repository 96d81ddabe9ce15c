"""Whether a path can lead to something that an output schema declares (D8)."""

from __future__ import annotations

from typing import Any

import pytest

from workflowkit.definition.checks.outputs import may_lead

ORDER = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"properties": {"x": {}}}], "items": False},
        "anything": {},
        "always": True,
        "never": False,
        "extra": {"type": "object", "additionalProperties": {"type": "object", "properties": {"n": {}}}},
        "closed": {"type": "object", "additionalProperties": False},
        "free": {"type": "object"},
        "named": {"type": "object", "properties": {"a": {}}, "patternProperties": {"^x": {}}},
        "optional": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/user"}]},
        "both": {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]},
        "either": {"type": "object", "properties": {"a": {}}, "oneOf": [{"properties": {"b": {}}}, {}]},
        "self": {"$ref": "#"},
        "loop": {"$ref": "#/$defs/loop"},
        "remote": {"$ref": "other.json"},
        "gone": {"$ref": "#/$defs/gone"},
        "escaped": {"$ref": "#/$defs/a~1b"},
        "mixed": {"type": ["array", "object"], "properties": {"a": {}}, "items": {"type": "string"}},
    },
    "$defs": {
        "user": {"type": "object", "properties": {"name": {"type": "string"}}},
        "loop": {"anyOf": [{"$ref": "#/$defs/loop"}, {"$ref": "#/$defs/loop"}]},
        "a/b": {"type": "object", "properties": {"x": {}}},
    },
}


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("", True),
        ("id", True),
        ("id.x", False),
        ("total", False),
        ("lines.0.sku", True),
        ("lines.#-1.sku", True),
        ("lines.#0.price", False),
        ("lines.sku", False),
        ("#0", False),
        ("pair.#0", True),
        ("pair.#1.x", True),
        ("pair.#1.y", False),
        ("pair.#2", False),
        ("anything.at.all", True),
        ("always.x", True),
        ("never", False),
        ("extra.any.n", True),
        ("extra.any.m", False),
        ("closed.x", False),
        ("free.x.y", True),
        ("named.xyz", True),
        ("optional.name", True),
        ("optional.mail", False),
        ("both.b", True),
        ("both.c", False),
        ("either.b", True),
        ("self.self.self.id", True),
        ("self.self.total", False),
        ("loop.x", True),
        ("remote.x", True),
        ("gone.x", True),
        ("escaped.x", True),
        ("escaped.y", False),
        ("mixed.a", True),
        ("mixed.#3", True),
        ("mixed.b", False),
    ],
)
def test_a_path_leads_where_the_schema_declares_something(path: str, leads: bool) -> None:
    keys = [int(key[1:]) if key.startswith("#") else key for key in path.split(".")] if path else []
    assert may_lead(ORDER, keys) is leads


@pytest.mark.parametrize("schema", [True, {}, {"description": "x"}])
def test_a_schema_that_says_nothing_forbids_nothing(schema: Any) -> None:
    assert may_lead(schema, ["a", 0, "b"])
