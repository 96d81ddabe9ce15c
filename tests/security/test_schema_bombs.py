"""JSON Schemas of documents and forms: whoever writes them cannot keep a process busy (S24)."""

from __future__ import annotations

from typing import Any

import pytest
from builders import doubling_schema

from workflowkit.base.errors import DefinitionError
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition import writtenschema
from workflowkit.definition.schemacost import SchemaCost, sizes_of
from workflowkit.definition.writtenschema import WrittenSchema, schema_problems

TREE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
}
#: Each form has a member of its own name, so that one of them at most goes on.
EXPRESSION = {
    "$ref": "#/$defs/expression",
    "$defs": {
        "expression": {
            "oneOf": [
                *(
                    {"properties": {name: {"items": {"$ref": "#/$defs/expression"}}}, "required": [name]}
                    for name in ("and", "or", "xor")
                ),
                {"type": "string"},
            ]
        }
    },
}
TWICE = {"properties": {"next": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}


def nested(levels: int, key: str = "next") -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {key: value}
    return value


def codes(schema: Any, value: Any = None) -> list[tuple[str, str]]:
    """Return what is wrong with a schema, else what is wrong with a value."""
    try:
        return [(problem.pointer, problem.code) for problem in WrittenSchema(schema).problems(value)]
    except DefinitionError as error:
        return [(problem.pointer, problem.code) for problem in error.problems]


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        (doubling_schema(28), "/$defs/a14"),
        (doubling_schema(300), "/$defs/a286"),
        ({"$defs": {"a": {"anyOf": [{"$ref": "#b"}] * 400},
                    "b": {"$anchor": "b", "allOf": [{"$ref": "#/$defs/c"}] * 400}, "c": {}},
          "properties": {"x": {"$ref": "#/$defs/a"}}}, "/$defs/a/anyOf/121"),
        ({"allOf": [{"type": "object"}] * 1_500}, ""),
        ({"$defs": {f"a{n}": {} for n in range(1_500)}}, ""),
        ({"properties": {f"p{n}": {"pattern": "a"} for n in range(200)}}, "/properties/p100/pattern"),
        ({"patternProperties": {f"p{n}": True for n in range(200)}}, "/patternProperties/p100"),
        ({"allOf": [{"enum": [[1.5] * 300]}, {"enum": [{"x": [2.5] * 500}]}]}, ""),
    ],
    ids=range(8),
)  # fmt: skip
def test_a_schema_that_asks_for_too_much_is_refused(schema: Any, pointer: str) -> None:
    assert codes(schema) == [(pointer, "limit-exceeded")]


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"$dynamicAnchor": "node", "allOf": [{"$dynamicRef": "#node"}]},
        {"$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"if": {"$ref": "#/$defs/a"}}}},
        {"$id": "https://example.com/a", "dependentSchemas": {"x": {"$ref": "https://example.com/a#"}}},
        {"$ref": "https://json-schema.org/draft/2020-12/schema"},
        {"$ref": "#/$defs/none"},
        {"$ref": "#none"},
        {"$defs": {"a": {"$id": "other", "type": "string"}}},
        {"elsewhere": {"$id": "other", "inner": {}}, "$ref": "#/elsewhere/inner"},
        {"$ref": 5},
        {"pattern": "((a{50}){50}){10}"},
        {"pattern": "a" * 2_001},
        {"patternProperties": {"(a)\\1": True}},
    ],
)
def test_a_schema_that_leads_nowhere_or_to_itself_is_refused(schema: Any) -> None:
    assert {code for _, code in codes(schema)} == {"invalid-schema"}


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        TREE,
        EXPRESSION,
        TWICE,
        doubling_schema(5),
        {"$id": "https://example.com/a", "properties": {"a": {"$ref": "https://example.com/a#/$defs/b"}},
         "$defs": {"b": {"type": "string"}}},
        {"components": {"b": {"items": {"$ref": "#/components/c"}}, "c": {"$ref": "#c"}},
         "$defs": {"c": {"$anchor": "c"}}, "$ref": "#/components/b"},
        {"$defs": {"a/b~c d": {}}, "$ref": "#/$defs/a~1b~0c%20d"},
        {"properties": {"enum": {"enum": ["a", None, 1.5]}, "$ref": {"const": {"$id": "none", "$ref": "nothing"}}}},
        {"type": "object", "properties": {f"p{n}": {"type": "string", "minLength": 1} for n in range(900)}},
        {"prefixItems": [True], "items": {"type": "string"}, "dependencies": {"a": ["b"], "c": {"type": "object"}}},
        {"properties": {f"p{n}": {"pattern": "^[a-z]+$"} for n in range(100)}, "unevaluatedProperties": False},
        {"properties": {f"p{n}": {"$ref": "#"} for n in range(900)}},
        {"pattern": "^.{1,200}$"},
        {"pattern": "^\\p{L}+$"},
    ],
)  # fmt: skip
def test_an_ordinary_schema_is_no_bomb(schema: Any) -> None:
    WrittenSchema(schema)


def test_a_tree_costs_as_much_as_it_is_large_however_deep() -> None:
    cost, level = SchemaCost(EXPRESSION, DEFAULT_LIMITS), 64
    cost.check([1] * level + [10_000])
    SchemaCost(TREE, DEFAULT_LIMITS).check([1] * level + [100_000])


def test_what_a_schema_asks_of_deep_values_is_known_before_it_is_done() -> None:
    assert codes(TWICE, nested(8)) == []
    assert codes(TWICE, nested(50)) == [("", "limit-exceeded")]
    overlapping = {"patternProperties": {"^n": {"$ref": "#"}, "t$": {"$ref": "#"}}}
    assert codes(overlapping, nested(50)) == [("", "limit-exceeded")]
    contains = {"contains": {"$ref": "#"}, "unevaluatedItems": False}
    many_lists: Any = []
    for _ in range(50):
        many_lists = [many_lists]
    assert codes(contains, many_lists) == [("", "limit-exceeded")]
    looks_twice = {"properties": {"next": {"unevaluatedProperties": False, "$ref": "#"}}}
    assert codes(looks_twice, nested(8)) == []
    assert codes(looks_twice, nested(50)) == [("", "limit-exceeded")]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"items": {"multipleOf": 0.001}}, [1e300] * 50_000),
        ({"items": {"enum": [1.5, "x", *range(5_000)]}}, [1] * 2_000),
        ({"pattern": "((a{50}){25}){10}"}, "a" * 200_000),
        ({"propertyNames": {"pattern": "((a{50}){25}){10}"}}, {"a" * 200_000: 1}),
        ({"items": {"allOf": [{"uniqueItems": True}] * 200}}, [[[1] * 1_000] * 30]),
    ],
)
def test_a_value_that_would_take_too_long_is_not_looked_at(schema: Any, value: Any) -> None:
    assert codes(schema, value) == [("", "limit-exceeded")]


def test_the_refusal_names_the_limit() -> None:
    [problem] = schema_problems(TWICE, nested(50), "/data")
    assert problem.pointer == "/data"
    assert "schema_checks" in problem.message
    with pytest.raises(DefinitionError, match="schema_weight"):
        WrittenSchema(doubling_schema(28))


def test_limits_are_those_of_the_installation() -> None:
    with pytest.raises(DefinitionError, match="schema_nodes"):
        WrittenSchema(TREE, Limits(schema_nodes=3))
    assert [each.code for each in WrittenSchema(TREE, Limits(schema_checks=10)).problems({"name": "x"})] == [
        "limit-exceeded"
    ]


def test_a_hundred_places_are_told_at_most() -> None:
    assert len(schema_problems({"items": {"type": "string"}}, [1] * 500)) == 100


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"items": {"type": "string"}}, "/0"),
        ({"anyOf": [{"items": {"type": "string"}}] * 5}, ""),
        ({"items": {"anyOf": [{"type": "string"}] * 5}}, ""),
    ],
)
def test_errors_of_a_large_value_are_not_all_made(schema: Any, pointer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Making one takes thousands of times as long as the check, and all are made before the first can be read."""
    monkeypatch.delattr(writtenschema, "violations")
    [problem] = schema_problems(schema, [1] * 100_000)
    assert (problem.pointer, problem.code) == (pointer, "invalid-value")
    assert len(problem.message) < 300


def test_places_of_a_value_are_counted_by_levels() -> None:
    assert sizes_of(5) == [1]
    assert sizes_of({"a": [1, "x" * 160], "b" * 32: {}}) == [1, 2 + 2 + 2, 2 + 10]
