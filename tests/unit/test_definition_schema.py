"""JSON Schema: messages for people, and the contract of an action's inputs."""

from __future__ import annotations

from typing import Any

import pytest

from workflowkit.base.errors import DefinitionError
from workflowkit.definition.contract import contract_of
from workflowkit.definition.durations import duration_seconds
from workflowkit.definition.schema import compile_schema, told_violations, violations

_DURATION = "Expected a duration of up to 366 days, such as 30s, 15m, 2h or 7d"


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"type": "number"}, "x", 'Expected number, got "x"'),
        ({"type": ["number", "null"]}, "x", 'Expected null or number, got "x"'),
        ({"type": "string"}, ["y" * 200], 'Expected string, got ["' + "y" * 97 + "…"),
        ({"required": ["a"]}, {}, 'Missing "a"'),
        ({"properties": {"b": {}}, "additionalProperties": False}, {"a": 1}, 'Unknown key "a"'),
        ({"additionalProperties": False}, {"a": 1}, "Nothing may stand here, got 1"),
        ({"enum": ["a", 1]}, "b", 'Expected one of "a", 1, got "b"'),
        ({"const": 1}, 2, "Expected 1, got 2"),
        ({"format": "email"}, "x", 'Expected text in the format email, got "x"'),
        ({"format": "date-time"}, "x", 'Expected text in the format date-time, got "x"'),
        ({"format": "nobody-knows"}, "x", None),
        ({"format": "time-span"}, "3 h", None),
        ({"format": "time-span"}, 3, None),
        ({"format": "time-span", "pattern": "^3d$"}, "3 days", f'{_DURATION}, got "3 days"'),
        ({"anyOf": [{"type": "number"}, {"format": "time-span", "pattern": "x"}]}, "3D", f'{_DURATION}, got "3D"'),
        ({"format": "time-span"}, "367d", f'{_DURATION}, got "367d"'),
        ({"pattern": "^a+$"}, "b", 'Expected text that matches ^a+$, got "b"'),
        ({"minimum": 1}, 0, "Expected at least 1, got 0"),
        ({"maximum": 1}, 2, "Expected at most 1, got 2"),
        ({"exclusiveMinimum": 1}, 1, "Expected more than 1, got 1"),
        ({"exclusiveMaximum": 1}, 1, "Expected less than 1, got 1"),
        ({"multipleOf": 5}, 7, "Expected a multiple of 5, got 7"),
        ({"minLength": 1}, "", "Expected at least 1 character, got 0"),
        ({"maxLength": 2}, "abc", "Expected at most 2 characters, got 3"),
        ({"minItems": 1}, [], "Expected at least 1 element, got 0"),
        ({"maxItems": 1}, [1, 2], "Expected at most 1 element, got 2"),
        ({"minProperties": 1}, {}, "Expected at least 1 key, got 0"),
        ({"maxProperties": 0}, {"a": 1}, "Expected at most 0 keys, got 1"),
        ({"uniqueItems": True}, [1, 1], "Expected all elements to differ"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, "Expected string or null, got 1"),
        ({"oneOf": [{"minimum": 1}, {"type": "number"}]}, 5, "5 fits several forms of which exactly one is allowed"),
        ({"anyOf": [{"const": 1}, {"type": "string"}]}, 2, "2 fits none of the 2 forms that are allowed here"),
    ],
)
def test_a_violation_is_told_in_a_sentence(schema: dict[str, Any], value: Any, said: str | None) -> None:
    assert [violation.message for violation in violations(compile_schema(schema), value)] == ([said] if said else [])


def test_of_alternatives_the_one_that_was_meant_complains() -> None:
    schema = {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"n": {"type": "integer"}}}]}
    [violation] = violations(compile_schema(schema), {"n": "x"})
    assert (violation.pointer, violation.message) == ("/n", 'Expected integer, got "x"')


def test_a_fixed_member_tells_which_alternative_was_meant() -> None:
    forms = [
        {
            "type": "object",
            "required": ["by", other],
            "properties": {"by": {"const": by}, other: {"type": "string", "minLength": 4}},
        }
        for by, other in (("card", "number"), ("bank", "iban"))
    ]
    validator = compile_schema({"oneOf": forms})

    def said(value: Any) -> list[tuple[str, str]]:
        return [(violation.pointer, violation.message) for violation in violations(validator, value)]

    assert said({"by": "bank"}) == [("", 'Missing "iban"')]
    assert said({"by": "bank", "iban": "CH"}) == [("/iban", "Expected at least 4 characters, got 2")]
    assert said({"by": "cash"}) == [("", '{"by":"cash"} fits none of the 2 forms that are allowed here')]


def test_a_pattern_is_matched_in_linear_time() -> None:
    """S5: this one takes a backtracking engine seconds."""
    [violation] = violations(compile_schema({"pattern": "^(a+)+$"}), "a" * 5_000 + "!")
    assert violation.keyword == "pattern"


@pytest.mark.parametrize(
    "schema", [{"$ref": "http://127.0.0.1:9/x"}, {"$ref": "other.json"}, {"pattern": "(a)\\1"}, {"type": "nope"}]
)
def test_a_schema_that_cannot_be_used_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError) as caught:
        compile_schema(schema)
    assert caught.value.problems[0].code == "invalid-schema"


def test_a_contract_knows_what_may_be_null_and_what_is_a_rule() -> None:
    contract = contract_of(
        {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "any": {},
                "also": True,
                "never": False,
                "optional": {"$ref": "#/$defs/optional"},
                "rule": {"type": "object", "format": "json-logic"},
                "filled": {"type": "integer", "default": 3},
            },
            "required": ["text"],
            "$defs": {"optional": {"type": ["integer", "null"]}},
        }
    )
    assert contract.nullable == {"any", "also", "optional"}
    assert contract.logic == {"rule"}
    assert contract.defaults == {"filled": 3}
    assert contract.required == {"text"}
    assert contract.is_open
    assert not contract.written.is_valid({"text": "x", "rule": True})
    assert contract.resolved.is_valid({"text": "x", "rule": True})


def test_equal_schemas_are_compiled_once() -> None:
    first = contract_of({"type": "object", "properties": {"a": {"type": "string"}}})
    assert contract_of({"properties": {"a": {"type": "string"}}, "type": "object"}) is first


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("30s", 30), ("2m", 120), ("1.5h", 5400), ("1d", 86400), ("500ms", 0.5), (10, 10), (0.25, 0.25), ("2 m", 120)],
)
def test_a_duration_is_a_number_of_seconds_or_a_text_with_a_unit(written: Any, seconds: float) -> None:
    assert duration_seconds(written) == seconds


@pytest.mark.parametrize("written", ["", "5", "s", "-1s", "0s", 0, -1, True, None, [], "1w", "1s 2m", "٣s"])
def test_anything_else_is_no_duration(written: Any) -> None:
    assert duration_seconds(written) is None


def test_of_a_large_value_one_place_is_told() -> None:
    validator = compile_schema({"items": {"type": "string"}})
    assert len(list(told_violations(validator, [1] * 1_000))) == 1_000
    assert [violation.pointer for violation in told_violations(validator, ["x", *[1] * 30_000])] == ["/1"]


def test_no_message_is_as_long_as_the_value() -> None:
    [violation] = violations(compile_schema({"contains": {"type": "string"}}), [1] * 10_000)
    assert len(violation.message) < 300
