"""JSON Logic: the standard operators with JavaScript's conversions, and the budget they run under (D11)."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from workflowkit.base.errors import ExpressionError, LimitExceeded
from workflowkit.base.limits import Limits
from workflowkit.definition.jsonlogic import Placeholder, compile_rule, logic_truthy

DATA = {
    "name": "Ada",
    "age": 36,
    "none": None,
    "empty": "",
    "list": [1, 2, 3, 4],
    "people": [{"name": "Ada", "vip": True}, {"name": "Bob", "vip": False}],
    "deep": {"er": {"x": [10, 20]}},
    "1": "one",
}


def var(path: Any = "") -> dict[str, Any]:
    return {"var": path}


CASES: list[tuple[Any, Any]] = [
    # values that are no rules
    (True, True),
    ("text", "text"),
    ([1, {"+": [1, 1]}], [1, 2]),
    ({"a": 1, "b": {"+": [1, 1]}}, {"a": 1, "b": {"+": [1, 1]}}),
    ({}, {}),
    # var
    (var("name"), "Ada"),
    (var("deep.er.x.1"), 20),
    (var("list.0"), 1),
    (var("list.9"), None),
    (var("list.-1"), None),
    (var("list.length"), None),
    (var("nothing"), None),
    (var("nothing.deeper"), None),
    (var("name.x"), None),
    (var(["nothing", 7]), 7),
    (var(["none", 7]), None),
    (var([]), DATA),
    (var(None), DATA),
    (var(1), "one"),
    (var({"cat": ["na", "me"]}), "Ada"),
    # missing
    ({"missing": ["name", "nothing", "none", "empty"]}, ["nothing", "none", "empty"]),
    ({"missing": [["name", "nothing"]]}, ["nothing"]),
    ({"missing": "nothing"}, ["nothing"]),
    ({"missing": {"merge": ["name", {"if": [True, "nothing"]}]}}, ["nothing"]),
    ({"missing_some": [1, ["name", "nothing"]]}, []),
    ({"missing_some": [2, ["name", "nothing", "none"]]}, ["nothing", "none"]),
    ({"missing_some": [1, "name"]}, []),
    # equality
    ({"==": [1, 1]}, True),
    ({"==": [1, "1"]}, True),
    ({"==": [1, "x"]}, False),
    ({"==": [0, False]}, True),
    ({"==": ["", False]}, True),
    ({"==": ["", 0]}, True),
    ({"==": [None, False]}, False),
    ({"==": [None, 0]}, False),
    ({"==": [None, var("nothing")]}, True),
    ({"==": ["1", True]}, True),
    ({"==": [[1], "1"]}, True),
    ({"==": [[1, 2], "1,2"]}, True),
    ({"==": [[1], [1]]}, True),
    ({"==": [[], {}]}, False),
    ({"==": ["0x1f", 31]}, True),
    ({"!=": [1, "1"]}, False),
    ({"!=": [1, 2]}, True),
    ({"===": [1, 1.0]}, True),
    ({"===": [1, "1"]}, False),
    ({"===": [True, 1]}, False),
    ({"!==": [1, "1"]}, True),
    ({"!==": [1, 1]}, False),
    # order
    ({"<": [1, 2]}, True),
    ({"<": [2, 1]}, False),
    ({"<": ["2", 10]}, True),
    ({"<": ["2", "10"]}, False),
    ({"<": ["a", 1]}, False),
    ({"<": [None, 1]}, True),
    ({"<": [1, 2, 3]}, True),
    ({"<": [1, 3, 3]}, False),
    ({"<=": [1, 3, 3]}, True),
    ({"<=": [1, 1]}, True),
    ({">": [2, 1]}, True),
    ({">": [3, 2, 1]}, True),
    ({">=": [1, 1]}, True),
    ({">=": [1, 2]}, False),
    # truth
    ({"!": [True]}, False),
    ({"!": False}, True),
    ({"!": [[]]}, True),
    ({"!!": [[]]}, False),
    ({"!!": ["0"]}, True),
    ({"!!": [{}]}, True),
    ({"!!": [0]}, False),
    ({"and": [1, "", 3]}, ""),
    ({"and": [1, 2, 3]}, 3),
    ({"or": [0, "", 3]}, 3),
    ({"or": [0, ""]}, ""),
    ({"or": [[], 1]}, 1),
    # choice
    ({"if": [True, 1, 2]}, 1),
    ({"if": [False, 1, 2]}, 2),
    ({"if": [False, 1]}, None),
    ({"if": [False, 1, True, 2, 3]}, 2),
    ({"if": [False, 1, False, 2, 3]}, 3),
    ({"if": []}, None),
    ({"if": 5}, 5),
    ({"?:": [1, "yes", "no"]}, "yes"),
    ({"if": [[], 1, 2]}, 2),
    ({"or": [True, {"/": [1, {"cat": []}]}]}, True),
    # numbers
    ({"+": [1, 2, 3]}, 6),
    ({"+": ["3.14"]}, 3.14),
    ({"+": ["3 apples", 1]}, 4),
    ({"+": ["apples", 1]}, None),
    ({"+": []}, 0),
    ({"+": [True]}, None),
    ({"+": [0.5, 0.5]}, 1),
    ({"-": [5, 2]}, 3),
    ({"-": 5}, -5),
    ({"-": ["5", None]}, 5),
    ({"*": [2, "3", 4]}, 24),
    ({"*": [2**53, 2**53]}, float(2**106)),
    ({"/": [7, 2]}, 3.5),
    ({"/": [6, 2]}, 3),
    ({"/": [1, 0]}, None),
    ({"/": [0, 0]}, None),
    ({"<": [9, {"/": [1, 0]}]}, True),
    ({"%": [7, 2]}, 1),
    ({"%": [-7, 2]}, -1),
    ({"%": [7, 0]}, None),
    ({"max": [1, "5", 3]}, 5),
    ({"min": [4, 2, None]}, 0),
    ({"max": [1, "x"]}, None),
    # lists
    ({"map": [var("list"), {"*": [var(), 2]}]}, [2, 4, 6, 8]),
    ({"map": [var("nothing"), var()]}, []),
    ({"map": [var("people"), var("name")]}, ["Ada", "Bob"]),
    ({"filter": [var("list"), {"%": [var(), 2]}]}, [1, 3]),
    ({"filter": [var("people"), var("vip")]}, [{"name": "Ada", "vip": True}]),
    ({"reduce": [var("list"), {"+": [var("current"), var("accumulator")]}, 0]}, 10),
    ({"reduce": [var("list"), {"+": [var("current"), var("accumulator")]}, 100]}, 110),
    ({"reduce": [var("nothing"), var("current"), "initial"]}, "initial"),
    ({"reduce": [var("list"), var("accumulator")]}, None),
    ({"all": [var("list"), {">": [var(), 0]}]}, True),
    ({"all": [var("list"), {">": [var(), 1]}]}, False),
    ({"all": [[], True]}, False),
    ({"some": [var("list"), {">": [var(), 3]}]}, True),
    ({"some": [var("list"), {">": [var(), 4]}]}, False),
    ({"none": [var("list"), {">": [var(), 4]}]}, True),
    ({"none": [[], True]}, True),
    ({"merge": [[1, 2], 3, [[4]]]}, [1, 2, 3, [4]]),
    ({"merge": []}, []),
    ({"in": ["da", "Ada"]}, True),
    ({"in": ["DA", var("name")]}, False),
    ({"in": ["Ad", var("name")]}, True),
    ({"in": [3, var("list")]}, True),
    ({"in": ["3", var("list")]}, False),
    ({"in": [{"name": "Ada", "vip": True}, var("people")]}, True),
    ({"in": [1, 123]}, False),
    ({"in": [1, "a1"]}, True),
    # texts
    ({"cat": ["I am ", var("age"), ", ", True, None, "!"]}, "I am 36, true!"),
    ({"cat": [[1, [2, None]], 1.0, 0.5]}, "1,2,10.5"),
    ({"cat": [{"a": 1, "b": 2}]}, '{"a":1,"b":2}'),
    ({"cat": "alone"}, "alone"),
    ({"substr": ["jsonlogic", 4]}, "logic"),
    ({"substr": ["jsonlogic", -5]}, "logic"),
    ({"substr": ["jsonlogic", 1, 3]}, "son"),
    ({"substr": ["jsonlogic", 4, -2]}, "log"),
    ({"substr": ["jsonlogic", -5, -2]}, "log"),
    ({"substr": ["json", 0, -9]}, ""),
    ({"substr": ["json", -99]}, "json"),
    ({"substr": ["json", "x", 2]}, "js"),
    ({"substr": [12345, 1, 2]}, "23"),
]


@pytest.mark.parametrize(("rule", "expected"), CASES, ids=[str(rule) for rule, _ in CASES])
def test_a_rule_has_the_value_that_json_logic_gives_it(rule: Any, expected: Any) -> None:
    found = compile_rule(rule).evaluate(DATA)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "truth"), [([], False), ([0], True), ({}, True), ("0", True), ("", False), (0, False)]
)
def test_json_logic_s_truth_differs_from_javascript_s_for_the_empty_list(value: Any, truth: bool) -> None:
    assert logic_truthy(value) is truth


@pytest.mark.parametrize(
    "rule", [{"nope": 1}, {"log": "x"}, {"if": [True, {"a": 1}]}, [{"method": ["x", "y"]}], {"": 1}]
)
def test_an_unknown_operator_is_refused_when_compiled(rule: Any) -> None:
    with pytest.raises(ExpressionError, match="Unrecognized operation"):
        compile_rule(rule)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"==": [1]}, "2 operands, got 1"),
        ({"<": [1, 2, 3, 4]}, "2 to 3 operands, got 4"),
        ({"!": []}, "1 operand, got 0"),
        ({"and": []}, "at least 1 operand, got 0"),
        ({"map": [[1]]}, "2 operands, got 1"),
        ({"var": ["a", 1, 2]}, "0 to 2 operands, got 3"),
    ],
)
def test_a_wrong_number_of_operands_is_refused_when_compiled(rule: Any, said: str) -> None:
    with pytest.raises(ExpressionError, match=said):
        compile_rule(rule)


def test_values_are_never_logic() -> None:
    """D11."""
    data = {"rule": {"==": [1, 1]}, "rules": [{"+": [1, 1]}]}
    assert compile_rule(var("rule")).evaluate(data) == {"==": [1, 1]}
    assert compile_rule({"map": [var("rules"), var()]}).evaluate(data) == [{"+": [1, 1]}]
    assert compile_rule({"!!": [Placeholder(0)]}).evaluate(values=[{"!": [True]}]) is True
    assert compile_rule(Placeholder(0)).evaluate(values=[{"var": ""}]) == {"var": ""}


def test_a_placeholder_keeps_its_value_inside_loops() -> None:
    rule = compile_rule({"filter": [Placeholder(0), {">": [var(), Placeholder(1)]}]})
    assert rule.evaluate(values=[[1, 5, 9], 4]) == [5, 9]


def test_the_result_shares_nothing_with_rule_or_data() -> None:
    data = {"list": [[1]]}
    rule = {"merge": [var("list"), [[2]]]}
    compiled = compile_rule(deepcopy(rule))
    found = compiled.evaluate(data)
    found[0].append("spoiled")
    found[1].append("spoiled")
    assert compiled.evaluate(data) == [[1], [2]]
    assert data == {"list": [[1]]}


def test_a_rule_past_the_limit_of_nodes_is_refused() -> None:
    """W10: a logic tree of 10,000 nodes."""
    with pytest.raises(LimitExceeded, match="logic_nodes"):
        compile_rule({"and": [{"==": [1, 1]}] * 3_334})
    with pytest.raises(LimitExceeded, match="logic_nodes"):
        compile_rule({"==": [{str(index): index for index in range(2_000)}, 1]})


def test_a_rule_that_is_nested_too_deeply_is_refused() -> None:
    rule: Any = True
    for _ in range(100):
        rule = {"!": [rule]}
    with pytest.raises(ExpressionError, match="nested too deeply"):
        compile_rule(rule)


NUMBERS = list(range(30))
DOUBLING = {"reduce": [NUMBERS, [var("accumulator"), var("accumulator")], 1]}


@pytest.mark.parametrize(
    "rule",
    [
        {"map": [var("many"), {"map": [var(), {"+": [1]}]}]},
        {"reduce": [NUMBERS, {"merge": [var("accumulator"), var("accumulator")]}, [1]]},
        {"reduce": [NUMBERS, {"cat": [var("accumulator"), var("accumulator")]}, "x"]},
        {"reduce": [NUMBERS, {"cat": [[var("accumulator"), var("accumulator")]]}, "x"]},
        DOUBLING,
        {"==": [DOUBLING, DOUBLING]},
        {"===": [DOUBLING, DOUBLING]},
        {"in": [DOUBLING, [DOUBLING]]},
        {"cat": [DOUBLING]},
        {"<": [DOUBLING, 1]},
        {"+": [DOUBLING]},
        {"==": [DOUBLING, "x"]},
        {"reduce": [list(range(300)), [var("accumulator")], 1]},
        {"cat": [{"reduce": [list(range(300)), var(), 1]}]},
        {"==": [{"reduce": [list(range(300)), [var("accumulator")], 1]}, 1]},
        {"cat": [var("text")]},
        {"in": [var("big"), var("many")]},
    ],
    ids=range(17),
)
def test_an_evaluation_past_its_budget_is_stopped(rule: Any) -> None:
    data = {"many": [[1] * 200] * 200, "text": "x" * 300_000, "big": list(range(5_000))}
    compiled = compile_rule(rule)
    with pytest.raises(ExpressionError):
        compiled.evaluate(data)


@pytest.mark.parametrize(
    "rule",
    [
        {"var": Placeholder(0)},
        {"missing": Placeholder(0)},
        {"in": ["ab", Placeholder(0)]},
        {"in": [Placeholder(0), "ab"]},
        {"-": [Placeholder(0)]},
        {"<": [Placeholder(0), Placeholder(1)]},
        {"substr": ["abc", Placeholder(0)]},
        {"===": [Placeholder(0), Placeholder(1)]},
    ],
)
def test_reading_a_long_text_is_paid_for_whatever_reads_it(rule: Any) -> None:
    compiled = compile_rule({"map": [Placeholder(2), rule]})
    with pytest.raises(ExpressionError, match="expression_steps"):
        compiled.evaluate(None, ["." * 300_000, "".join(["."] * 300_000), [1] * 20])


def test_an_ordinary_rule_over_a_thousand_elements_is_within_the_budget() -> None:
    rule = compile_rule({"filter": [var("list"), {"and": [{">": [var("n"), 10]}, {"<": [var("n"), 20]}]}]})
    assert len(rule.evaluate({"list": [{"n": n} for n in range(1_000)]})) == 9


def test_the_budget_is_per_evaluation_and_named() -> None:
    compiled = compile_rule({"map": [[1, 2, 3], {"+": [var(), 1]}]}, Limits(expression_steps=12))
    for _ in range(5):
        assert compiled.evaluate() == [2, 3, 4]
    with pytest.raises(ExpressionError, match="expression_steps"):
        compile_rule({"map": [[1] * 10, {"+": [var(), 1]}]}, Limits(expression_steps=12)).evaluate()
