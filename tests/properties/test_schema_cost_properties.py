"""No value is checked more often than was computed from the schema, whatever the schema says (S24)."""

from __future__ import annotations

from random import Random
from typing import Any

import jsonschema_rs
import pytest

from workflowkit.base.errors import DefinitionError
from workflowkit.base.limits import Limits
from workflowkit.definition.schemacost import SchemaCost, sizes_of
from workflowkit.definition.schemanodes import SchemaReader

NAMES = ["a", "b", "c"]
TARGETS = ["#", "#/$defs/a", "#/$defs/b", "#/$defs/c", "#anchor"]
PATTERNS = ["^a", "a|b", ".", "c$"]
LISTS = ["prefixItems", "allOf", "anyOf", "oneOf"]
SINGLE = [
    "additionalProperties",
    "items",
    "contains",
    "not",
    "propertyNames",
    "unevaluatedProperties",
    "unevaluatedItems",
]
KEYWORDS = [*LISTS, *SINGLE, "properties", "patternProperties", "dependentSchemas", "if", "$dynamicRef", "uniqueItems"]
NO_END = Limits(schema_weight=10**30, schema_checks=10**30)
MARK = "x-counted"


class Counted:
    """A keyword that counts how often it is asked."""

    asked = 0

    def __init__(self, *_of_the_schema: Any) -> None:
        pass

    def validate(self, _value: Any) -> None:
        Counted.asked += 1


def a_schema(random: Random, depth: int) -> dict[str, Any]:
    if random.random() < 0.25:
        return {"$ref": random.choice(TARGETS), MARK: 1}
    schema: dict[str, Any] = {MARK: 1}
    for keyword in random.sample(KEYWORDS, random.randint(0, 3) if depth else 0):
        inner = [a_schema(random, depth - 1) for _ in range(random.randint(1, 3))]
        match keyword:
            case "properties" | "dependentSchemas":
                schema[keyword] = dict(zip(NAMES, inner, strict=False))
            case "patternProperties":
                schema[keyword] = dict(zip(random.sample(PATTERNS, 3), inner, strict=False))
            case "if":
                schema |= {"if": inner[0], "then": inner[-1], "else": a_schema(random, depth - 1)}
            case "$dynamicRef":
                schema[keyword] = "#dynamic"
            case "uniqueItems":
                schema[keyword] = True
            case _:
                schema[keyword] = inner if keyword in LISTS else inner[0]
    return schema


def a_value(random: Random, depth: int) -> Any:
    chosen = random.random()
    if not depth or chosen < 0.15:
        return random.choice([1, "x", None])
    if chosen < 0.6:
        return {name: a_value(random, depth - 1) for name in random.sample(NAMES, random.randint(0, 3))}
    return [a_value(random, depth - 1) for _ in range(random.randint(0, 3))]


@pytest.mark.parametrize("seed", range(6))
def test_no_value_is_checked_more_often_than_was_computed(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SchemaReader, "_own", lambda *_of_a_schema: 1)
    random, compared = Random(seed), 0
    while compared < 300:
        schema = a_schema(random, 4)
        schema["$defs"] = {name: a_schema(random, 2) for name in NAMES}
        schema["$defs"] |= {"x": {"$anchor": "anchor", MARK: 1}, "y": {"$dynamicAnchor": "dynamic", "items": True}}
        try:
            cost = SchemaCost(schema, NO_END)
        except DefinitionError:
            continue
        validator = jsonschema_rs.Draft202012Validator(schema, keywords={MARK: Counted})
        for _ in range(5):
            value = a_value(random, random.randint(1, 6))
            if (computed := checks(cost, value)) > 1_000_000:
                continue
            Counted.asked = 0
            validator.is_valid(value)
            assert Counted.asked <= computed, (schema, value)
            compared += 1


def checks(cost: SchemaCost, value: Any) -> int:
    """Return the least limit under which a value is looked at."""
    sizes = sizes_of(value)
    return sum(weight * size for weight, size in zip(cost._most(len(sizes))[0], sizes, strict=True))
