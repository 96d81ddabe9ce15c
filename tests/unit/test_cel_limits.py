"""Every limit of an expression, met from both sides; and inputs that would break a careless evaluator."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from workflowkit.base.errors import ExpressionError
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.cel import compile_expression

ITEMS = list(range(1000))


def refusal(text: str, variables: dict[str, Any] | None = None, limits: Limits = DEFAULT_LIMITS) -> str:
    """Return why the expression is refused, be it at once or when evaluated."""
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, limits=limits).evaluate(variables or {})
    return caught.value.message


def deep(levels: int) -> list[Any]:
    """Return a list nested so deep."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_source_text_is_bounded() -> None:
    limits = Limits(expression_chars=10)

    assert compile_expression("1 + 1 + 12", limits=limits).evaluate({}) == 14
    assert "expression_chars = 10" in refusal("1 + 1 + 123", limits=limits)


@pytest.mark.parametrize("text", ["1 + 1 + 1 + 1", "a.b.c.d.e", "[1, 2, 3, 4]", "!!!!1", "1 < 2 && 3 < 4"])
def test_the_number_of_parts_is_bounded(text: str) -> None:
    assert "expression_nodes = 4" in refusal(text, limits=Limits(expression_nodes=4))


@pytest.mark.parametrize(
    "text", ["((((1))))", "[[[[1]]]]", "----1", "a[0][0][0]", "'a'.trim().trim().trim()", "size(size(size(size(1))))",
             "true ? (true ? (true ? (1) : 0) : 0) : 0", "{'a': {'a': {'a': {'a': 1}}}}"]
)  # fmt: skip
def test_nesting_is_bounded(text: str) -> None:
    assert "nested deeper than" in refusal(text, limits=Limits(expression_depth=3))


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["1"] * 200),
        "&&".join(["true"] * 200),
        "a" + ".b" * 300,
        "1 ? 2 : " * 100 + "3",
        "[" + "1," * 300 + "]",
    ],
)
def test_a_long_line_is_not_nested(text: str) -> None:
    compile_expression(text, limits=Limits(expression_depth=3))


@pytest.mark.parametrize(
    "text",
    ["+".join(["1"] * 3000), "!-" * 3000 + "1", "-" * 5000 + "1", "!" * 5000 + "1", "(" * 5000, "(" * 2500 + ")" * 2500,
     "[" * 5000, "{'a':" * 2000, "a" + ".b" * 2000, "a" + "[0]" * 2000, "a" + ".size()" * 1000, "1?" * 2500,
     "1?2:" * 2000 + "3", "size(" * 2000, "a.map(x," * 1000, "'" * 5000, '"""' * 2000, "\\" * 5000, "1." * 2000,
     "a<" * 2000 + "a", "a||" * 2000 + "a", "x.all(x, " * 500 + "x" + ")" * 500, "in " * 2000],
)  # fmt: skip
def test_a_monstrous_text_is_refused_like_any_other(text: str) -> None:
    refusal(text, limits=Limits(expression_chars=100_000))


def test_texts_of_the_largest_allowed_size_do_not_reach_the_stack_limit() -> None:
    nested = "(" * 31 + "1" + ")" * 31

    assert compile_expression(nested).evaluate({}) == 1
    assert compile_expression("[" * 31 + "]" * 31).evaluate({}) == deep(31)
    assert compile_expression("-" * 31 + "1").evaluate({}) == -1


@pytest.mark.parametrize(
    "text",
    ["l.all(a, l.all(b, l.all(c, a + b + c >= 0)))", "l.map(a, l.map(b, a * b))", "l.exists(a, l.exists(b, a > b + l))",
     "l.filter(a, l.exists_one(b, a == b))", "l.map(a, l)", "l.map(a, a in l)", "l.map(a, l + l)", "l.map(a, l == l)",
     "l.map(a, [l, l, l].map(b, b.map(c, c)))", "l.map(a, string(l))", "l.map(a, t + t)", "l.map(a, t.contains('b'))",
     "l.map(a, t.replace('a', 'b'))", "l.map(a, t.split('a'))", "l.map(a, uppercase(t))", "l.map(a, t.matches('b'))",
     "l.map(a, 'x'.matches(string(a)))", "l.map(a, date('2026-01-01'))", "l.map(a, l.join(', '))",
     "l.map(a, big == big)"],
)  # fmt: skip
def test_work_is_bounded_whatever_the_data(text: str) -> None:
    variables = {"l": ITEMS, "t": "a" * 20_000, "big": [[0]] * 100}

    assert "expression_steps = 10000" in refusal(text, variables)


def test_the_whole_expression_is_paid_for_before_it_runs() -> None:
    assert compile_expression("1 + 1 + 1", limits=Limits(expression_steps=2)).evaluate({}) == 3
    assert "expression_steps = 1" in refusal("1 + 1 + 1", limits=Limits(expression_steps=1))


def test_a_condition_over_two_thousand_items_is_within_the_default_budget() -> None:
    expression = compile_expression("event.data.items.exists(i, i.sku == 'x' && i.qty > 2)")
    items = [{"sku": "a", "qty": 1}] * 1600

    assert expression.matches({"event": {"data": {"items": items}}}) is False


def test_an_exhausted_budget_is_not_absorbed_by_or_and_exists() -> None:
    endless = "l.map(a, l.map(b, b))"

    assert "expression_steps" in refusal(f"{endless} || true", {"l": ITEMS})
    assert "expression_steps" in refusal(f"[1, 2].exists(x, {endless} == x)", {"l": ITEMS})


@pytest.mark.parametrize(
    "text", ["t", "[t]", "{t: 1}", "{'a': [t]}", "t + 'a'", "'' + [t]", "[t, t].join()", "t.replace('a', 'bb')",
             "uppercase(t) + t"]
)  # fmt: skip
def test_results_and_texts_are_bounded(text: str) -> None:
    limits = Limits(expression_output_chars=100)

    assert "expression_output_chars = 100" in refusal(text, {"t": "a" * 101}, limits)


def test_a_value_that_shares_its_parts_cannot_blow_up_when_written_out() -> None:
    doubling = "[[1, 1]]" + ".map(x, [x, x])" * 25

    assert "expression_steps" in refusal(doubling)
    assert "expression_steps" in refusal(f"'' + {doubling}")
    assert "expression_steps" in refusal(f"{doubling} == {doubling}")


@pytest.mark.parametrize("text", ["d", "'' + d", "d + d", "[d].map(x, x)", "json_parse(t)"])
def test_deep_data_is_refused_and_does_not_exhaust_the_stack(text: str) -> None:
    message = refusal(text, {"d": deep(100_000), "t": "[" * 5000 + "]" * 5000})

    assert "json_depth" in message or "json_parse()" in message


def test_deep_data_can_be_compared() -> None:
    assert compile_expression("a == b").evaluate({"a": deep(5_000), "b": deep(5_000)}) is True
    assert compile_expression("a == b").evaluate({"a": deep(5_000), "b": deep(4_999)}) is False


def test_numbers_of_a_million_digits_are_refused_before_they_cost_anything() -> None:
    huge = 10**100_000

    for text in ("h * h", "h + 1", "-h", "h % 7", "'' + h", "int(h)", "double(h)", "date(h)"):
        assert "out of" in refusal(text, {"h": huge})


def test_a_pattern_that_blows_up_elsewhere_is_linear_here() -> None:
    assert compile_expression("t.matches('^(a+)+$')").evaluate({"t": "a" * 30 + "!"}) is False
    assert "expression_steps" in refusal("t.matches('é.{400}z')", {"t": "é" * 10_000})


NUMBERS = count()
NESTED = "[" * 30 + "x" + "]" * 30


@pytest.mark.parametrize(
    "use",
    [
        lambda: compile_expression(NESTED).evaluate({"x": 1}),
        lambda: compile_expression(NESTED).matches({"x": 1}),
        # Another text each time, so that the cache cannot know it.
        lambda: compile_expression(f"{NESTED} == {next(NUMBERS)}"),
    ],
)
def test_a_caller_deep_in_its_own_stack_gets_an_expression_error(use: Callable[[], Any]) -> None:
    compile_expression(NESTED)

    def with_less_and_less_stack(frames_left: int) -> str:
        try:
            use()
        except ExpressionError as error:
            return error.message
        return with_less_and_less_stack(frames_left - 1) if frames_left else "never met"

    assert "stack" in with_less_and_less_stack(sys.getrecursionlimit())
