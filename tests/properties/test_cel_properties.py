"""Laws of expressions, on texts made from the grammar, from mutilated grammar, and from nothing in particular."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from workflowkit.base import jsonvalue
from workflowkit.base.errors import ExpressionError
from workflowkit.definition.cel import Path, compile_expression
from workflowkit.definition.cel.functions import FUNCTIONS, METHODS

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcx"), inner, max_size=4),
    max_leaves=12,
)
VARIABLES = st.fixed_dictionaries({"a": JSON, "b": JSON, "l": st.lists(JSON, max_size=4)})

ATOMS = st.sampled_from(
    ["a", "b", "l", "x", "nothing", "null", "true", "false", "0", "1", "-1", "2.5", "9223372036854775807", "''", "'a'",
     "'2026-01-01'", "'1h'", "'[1]'", "'YQ=='", "[]", "{}", "int", "string"]
)  # fmt: skip
OPERATORS = st.sampled_from(["||", "&&", "==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"])
FIELDS = st.sampled_from(["a", "b", "c", "x", "in", "if"])
MACROS = st.sampled_from(["all", "exists", "exists_one", "map", "filter"])
CALLS = st.sampled_from([*FUNCTIONS, "has", "nosuch", "eval"])
CALLED_METHODS = st.sampled_from([*METHODS, "nosuch", "format", "__class__"])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, OPERATORS, inner),
        st.builds("{} {} {}".format, inner, OPERATORS, inner),
        st.builds("!{}".format, inner),
        st.builds("-{}".format, inner),
        st.builds("{} ? {} : {}".format, inner, inner, inner),
        st.builds("{}.{}".format, inner, FIELDS),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{{}: {}}}".format, inner, inner),
        st.builds("has({}.{})".format, inner, FIELDS),
        st.builds("{}({})".format, CALLS, inner),
        st.builds("{}.{}({})".format, inner, CALLED_METHODS, inner),
        st.builds("{}.{}()".format, inner, CALLED_METHODS),
        st.builds("{}.{}(x, {})".format, inner, MACROS, inner),
    )


EXPRESSIONS = st.recursive(ATOMS, _larger, max_leaves=12)
WORDS = ["a", "b", "l", "x", "1", "2.5", "'a'", '"', "'", "r'", "\\", "//", "\n", "$a", "map", "has"]
MARKS = ["(", ")", "[", "]", "{", "}", ".", ",", "?", ":", "!", "-", "+", "*", "/", "%", "==", "<", "&&", "||", "in"]
SCRAPS = st.lists(st.sampled_from(WORDS + MARKS), max_size=40).map(" ".join)


def outcome(text: str, variables: dict[str, Any]) -> tuple[str, Any]:
    """Return ("value", the result) or ("error", its message); anything else fails the test by escaping."""
    try:
        return "value", compile_expression(text).evaluate(variables)
    except ExpressionError as caught:
        error = caught
    assert "ran out of stack" not in error.message
    assert error.position is None or 0 <= error.position <= len(text)
    return "error", error.message


@settings(max_examples=300)
@given(EXPRESSIONS, VARIABLES)
def test_an_expression_gives_strict_json_or_an_expression_error(text: str, variables: dict[str, Any]) -> None:
    before = json.dumps(variables)

    kind, result = outcome(text, variables)

    if kind == "value":
        jsonvalue.check_json(result)
    assert json.dumps(variables) == before
    assert outcome(text, variables) == (kind, result)


@settings(max_examples=300)
@given(SCRAPS | st.text(max_size=60), VARIABLES)
@example("9" * 5000, {})
@example("'\\U00110000'", {})
@example("a.b.c" * 700, {})
def test_no_text_whatever_escapes_as_another_exception(text: str, variables: dict[str, Any]) -> None:
    outcome(text, variables)


@settings(max_examples=200)
@given(EXPRESSIONS, VARIABLES)
def test_evaluating_and_matching_agree_on_truth(text: str, variables: dict[str, Any]) -> None:
    kind, result = outcome(f"({text}) ? true : false", variables)

    try:
        assert (kind, result) == ("value", compile_expression(text).matches(variables))
    except ExpressionError:
        assert kind == "error"


@settings(max_examples=200)
@given(EXPRESSIONS)
def test_what_the_restricted_language_accepts_means_the_same_in_the_full_one(text: str) -> None:
    try:
        restricted = compile_expression(text, policy="restricted")
    except ExpressionError:
        return
    assert restricted.variables == compile_expression(text).variables


@given(JSON, JSON)
def test_data_is_compared_by_value_and_order_of_the_sides_does_not_matter(a: Any, b: Any) -> None:
    variables = {"a": a, "b": b}

    assert compile_expression("a == a").evaluate(variables) is True
    assert compile_expression("a == b").evaluate(variables) is compile_expression("b == a").evaluate(variables)
    assert compile_expression("a != b").evaluate(variables) is not compile_expression("a == b").evaluate(variables)
    assert compile_expression("a").evaluate(variables) == a


@given(JSON)
def test_text_in_an_expression_and_text_in_the_data_are_the_same_text(value: Any) -> None:
    text = json.dumps(json.dumps(value))

    assert compile_expression(f"json_parse({text})").evaluate({}) == value


@given(
    st.text(max_size=40) | st.sampled_from(['" || true', "' || true || '", "$id", "!ref($.event)", "true", "x == x"])
)
def test_a_value_is_never_read_as_an_expression(value: str) -> None:
    honest = compile_expression("event.data.role == 'admin' || event.data.role == $role")

    assert honest.matches({"event": {"data": {"role": value}}, "$role": "nobody"}) is (value in ("admin", "nobody"))
    assert honest.matches({"event": {"data": {"role": "guest"}}, "$role": value}) is (value == "guest")


@settings(max_examples=200)
@given(EXPRESSIONS, EXPRESSIONS, VARIABLES)
def test_an_expression_is_not_true_unless_its_equalities_hold(left: str, right: str, variables: dict[str, Any]) -> None:
    text = f"a.x == b.x && ({left}) && ({right}) == 1"
    try:
        expression = compile_expression(text)
        is_match = expression.matches(variables)
    except ExpressionError:
        return
    assert expression.equalities[0].left == Path(("a", "x"))
    if is_match:
        assert compile_expression("a.x == b.x").matches(variables)
