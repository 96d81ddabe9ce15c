"""What is refused, when, and how it is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from workflowkit.base.errors import ExpressionError
from workflowkit.definition.cel import compile_expression

SYNTAX: list[tuple[str, int, str]] = [
    ("", 0, "empty"),
    ("  // only a comment", 0, "empty"),
    ("1 +", 3, "unexpected end"),
    ("1 + * 2", 4, "'*'"),
    ("(1", 2, "expected ')'"),
    ("[1", 2, "expected ','"),
    ("[1 2]", 3, "expected ','"),
    ("{'a' 1}", 5, "expected ':'"),
    ("a b", 2, "'b'"),
    ("a.", 2, "name after '.'"),
    ("a.1", 1, "'.1'"),
    ("a ? b", 5, "expected ':'"),
    ("'open", 0, "not closed"),
    ('"two\nlines"', 0, "not closed"),
    ("'\\q'", 0, "escape"),
    ("'\\ud800'", 0, "not a character"),
    ("'\\000'", 0, "not a character"),
    ("b'bytes'", 0, "byte texts"),
    ("a = 1", 2, "character '=' (did you mean ==?)"),
    ("a === 1", 4, "character '=' (did you mean ==?)"),
    ("a !== 1", 4, "character '=' (did you mean !=?)"),
    ("a and b", 2, "'and' (did you mean &&?)"),
    ("(a or b)", 3, "found 'or' (did you mean ||?)"),
    ("a is null", 2, "'is' (did you mean ==?)"),
    ("not a", 4, "'a' (did you mean ! in place of not?)"),
    ("a & b", 2, "character '&'"),
    ("`a`", 0, "character '`'"),
    ("a; b", 1, "character ';'"),
    ("é == 1", 0, "character 'é'"),
    ("a\u00a0== 1", 1, "character"),
    ("99999999999999999999", 0, "out of range"),
    ("9" * 400, 0, "out of range"),
    ("1e999", 0, "out of range"),
    ("return", 0, "reserved"),
    ("has(a)", 0, "has() takes one field"),
    ("has(a['b'])", 0, "has() takes one field"),
    ("has(a.b, a.c)", 0, "has() takes one field"),
    ("[1].map(x)", 3, "map() takes"),
    ("[1].all(1, true)", 3, "all() takes"),
    ("[1].exists(x, true, false)", 3, "exists() takes"),
    ("nosuch(1)", 0, "unknown function nosuch()"),
    ("'a'.nosuch()", 3, "unknown method nosuch()"),
    ("contains('a', 'b')", 0, "write text.contains()"),
    ("'a'.lowercase()", 3, "write lowercase(value)"),
    ("size()", 0, "number of arguments"),
    ("size(1, 2)", 0, "number of arguments"),
    ("now(1)", 0, "number of arguments"),
    ("'a'.matches('(')", 12, "RE2"),
    ("'a'.matches('(a)\\\\1')", 12, "RE2"),
    ("a.?b", 2, "'?'"),
    (".a", 0, "'.'"),
    ("event{}", 5, "'{'"),
]

EVALUATION: list[tuple[str, int, str]] = [
    ("1 / 0", 2, "division by zero"),
    ("1.0 / 0.0", 4, "division by zero"),
    ("1 % 0", 2, "division by zero"),
    ("9223372036854775807 + 1", 20, "out of range"),
    ("1e308 * 10", 6, "out of range"),
    ("true * 2", 5, "needs numbers, not bool and int"),
    ("'a' - 'b'", 4, "needs numbers"),
    ("true + true", 5, "cannot add bool and bool"),
    ("date('2026-01-01') + date('2026-01-01')", 19, "cannot add"),
    ("date('9999-12-31') + duration('9000w')", 19, "range of dates"),
    ("-'a'", 0, "not string"),
    ("'200' > 100", 6, "cannot order string and int"),
    ("[1] < [2]", 4, "cannot order"),
    ("1 in 'abc'", 2, "needs a list or a map"),
    ("'a'.map(x, x)", 3, "map() needs a list or a map, not string"),
    ("[0].all(x, 1 / x == 1)", 13, "division by zero"),
    ("1 / 0 > 1 || false", 2, "division by zero"),
    ("{1: 'a'}", 0, "keys of a map"),
    ("{'a': 1, 'a': 2}", 0, "keys of a map"),
    ("size(5)", 0, "size() cannot take int"),
    ("'abc'.contains(5)", 5, "cannot take int"),
    ("(5).startsWith('a')", 3, "startsWith() cannot take int"),
    ("int('12x')", 0, "whole number"),
    ("int('1_000')", 0, "whole number"),
    ("int('٣')", 0, "whole number"),
    ("int(1e19)", 0, "out of range"),
    ("uint(-1)", 0, "negative"),
    ("double('nan')", 0, "number"),
    ("double('1e999')", 0, "out of range"),
    ("bool('maybe')", 0, "bool()"),
    ("date('tomorrow')", 0, "not a date"),
    ("date(1e300)", 0, "range of dates"),
    ("duration('1 hour')", 0, "not a duration"),
    ("duration('')", 0, "not a duration"),
    ("duration('99999999999w')", 0, "out of range"),
    ("date('2026-01-01').getHours('Europe/Berlin')", 18, "time zone"),
    ("date('2026-01-01').getHours('+99:00')", 18, "out of range"),
    ("duration('1h').getFullYear()", 14, "cannot take duration"),
    ("b64decode('***')", 0, "base64"),
    ("b64decode('/////w==')", 0, "base64"),
    ("json_parse('{')", 0, "JSON"),
    ("json_parse('[NaN]')", 0, "JSON"),
    ('json_parse(\'{"a": 1, "a": 2}\')', 0, "JSON"),
    ("now()", 0, "not known"),
    ("'a'.matches('(' + '')", 3, "RE2"),
    ("'a'.matches(5)", 3, "matches() cannot take int"),
    ("surrogate.matches('a')", 9, "lone surrogates"),
    ("'a'.matches(surrogate)", 3, "RE2"),
    ("1 - 2 - true", 6, "needs numbers"),
    ("-duration('999999999d23h')", 0, "range of dates"),
    ("date('2026-01-01T00:00:00.0000000000000000000000Z')", 0, "not a date"),
    ("'a'.matches('a'.replace('a', 'b').replace('b', pattern))", 3, "at most 512"),
]


@pytest.mark.parametrize(("text", "position", "message"), SYNTAX)
def test_a_mistake_in_the_text_is_refused_with_its_place(text: str, position: int, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)

    assert message in caught.value.message
    assert caught.value.position == position


@pytest.mark.parametrize(("text", "position", "message"), EVALUATION)
def test_an_evaluation_that_has_no_answer_fails_with_its_place(text: str, position: int, message: str) -> None:
    expression = compile_expression(text)

    with pytest.raises(ExpressionError) as caught:
        expression.evaluate({"pattern": "x" * 600, "surrogate": "\ud800"})

    assert message in caught.value.message
    assert caught.value.position == position


def _fault(_: Any) -> Any:
    raise OverflowError("hunter2")


@pytest.mark.parametrize("method", ["evaluate", "evaluate_exactly", "matches"])
def test_a_fault_of_ours_is_an_expression_that_cannot_be_evaluated(method: str) -> None:
    expression = replace(compile_expression("true"), _run=_fault)

    with pytest.raises(ExpressionError, match=r"it cannot be evaluated \(OverflowError\)") as caught:
        getattr(expression, method)({})
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize("text", [None, 5, b"1", ["1"]])
def test_only_text_is_an_expression(text: Any) -> None:
    with pytest.raises(ExpressionError, match="is a text"):
        compile_expression(text)


@pytest.mark.parametrize(
    "text",
    ["secret - 1", "int(secret)", "date(secret)", "duration(secret)", "json_parse(secret)",
     "secret in secret", "secret > 1", "secret.map(x, x)", "[secret].join('').matches('(' + secret)", "-secret",
     "bool(secret)", "b64decode(secret)", "now_plus(secret)", "{secret: 1, secret: 2}", "secret.getHours()"],
)  # fmt: skip
def test_a_message_never_shows_a_value(text: str) -> None:
    expression = compile_expression(text)

    with pytest.raises(ExpressionError) as caught:
        expression.evaluate({"secret": "hunter2-", "now": 0})
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    "value",
    [Decimal(1), datetime(2026, 1, 1, tzinfo=UTC).date(), (1, 2), {1, 2}, object(), b"x", float("inf"), "\0", "\ud800",
     {1: 2}, 2**60],
)  # fmt: skip
def test_a_result_that_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(ExpressionError, match="result"):
        compile_expression("[value]").evaluate({"value": value})
