"""Whether a path can lead to something that an output schema declares (D8)."""

from __future__ import annotations

from typing import Any

import pytest

from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.definition.checks.outputs import may_lead, with_own_schemas

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


DECIDED: dict[str, Any] = {
    "type": "object",
    "properties": {"status": {"type": "string"}, "data": {"type": ["object", "null"], "x-schema-from": "form"}},
}
FORM: dict[str, Any] = {"type": "object", "properties": {"amount": {"type": "integer"}}}


def test_a_member_has_the_schema_that_an_input_of_the_step_holds() -> None:
    own = with_own_schemas(DECIDED, {"form": FORM, "title": "Pay?"}, DEFAULT_LIMITS)
    assert may_lead(own, ("data", "amount"))
    assert may_lead(own, ("status",))
    assert not may_lead(own, ("data", "amuont"))
    assert may_lead(DECIDED, ("data", "amuont"))


@pytest.mark.parametrize(
    "held",
    [None, "!ref($.event.data.form)", 7, [], {"type": "zzz"}, {"properties": []}, {"anyOf": 3},
     {"items": {"$ref": "#/x"}}, {"type": "object", "properties": {"a": {"pattern": "(?<=a)b"}}}],
    ids=repr,
)  # fmt: skip
def test_what_is_no_schema_that_can_be_told_says_nothing(held: Any) -> None:
    assert with_own_schemas(DECIDED, {"form": held}, DEFAULT_LIMITS) is DECIDED
    assert with_own_schemas(DECIDED, {}, DEFAULT_LIMITS) is DECIDED


@pytest.mark.parametrize("outputs", [True, {"properties": 1}, {"type": "string"}, {"properties": {"data": True}}])
def test_an_output_without_members_stays_as_it_is(outputs: Any) -> None:
    assert with_own_schemas(outputs, {"form": FORM}, DEFAULT_LIMITS) is outputs
