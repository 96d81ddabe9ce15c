"""Edge conditions: JavaScript's truth, equality by content, and which edges are taken (WORKFLOW-FORMAT 3, K19, K20)."""

from __future__ import annotations

import math
from typing import Any

import pytest

from workflowkit.base.errors import LimitExceeded
from workflowkit.definition.conditions import deep_equal, edge_taken, js_truthy
from workflowkit.definition.jsvalues import unpaid
from workflowkit.definition.model import Condition, ConditionType
from workflowkit.definition.references import MISSING, ReferenceScope

SCOPE = ReferenceScope({"data": {"plan": "gold"}}, {"a": {"n": 1}}, output={"result": True, "zero": 0, "list": []})


@pytest.mark.parametrize("value", [False, None, 0, 0.0, -0.0, math.nan, "", MISSING])
def test_these_values_are_false_in_javascript(value: Any) -> None:
    assert not js_truthy(value)


@pytest.mark.parametrize("value", [True, 1, -1, 0.1, math.inf, "0", "false", " ", [], {}, [0], {"a": None}])
def test_these_values_are_true_in_javascript(value: Any) -> None:
    assert js_truthy(value)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 1.0),
        ({"a": 1, "b": [1, {"c": None}]}, {"b": [1, {"c": None}], "a": 1}),
        ([], []),
        ("", ""),
        (None, None),
        (True, True),
    ],
)
def test_equal_by_content_whatever_the_order_of_keys(left: Any, right: Any) -> None:
    assert deep_equal(left, right, unpaid)
    assert deep_equal(right, left, unpaid)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (True, 1),
        (False, 0),
        (42, "42"),
        (None, False),
        (None, 0),
        (None, MISSING),
        ([], {}),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        ([True], [1]),
        ({"a": True}, {"a": 1}),
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, {"a": 1, "b": 1}),
        ("a", ["a"]),
    ],
)
def test_different_types_and_contents_are_never_equal(left: Any, right: Any) -> None:
    assert not deep_equal(left, right, unpaid)
    assert not deep_equal(right, left, unpaid)


@pytest.mark.parametrize(
    ("condition", "is_taken"),
    [
        (None, True),
        (Condition(ConditionType.IF, "!ref($.output.result)"), True),
        (Condition(ConditionType.IF, "!ref($.output.zero)"), False),
        (Condition(ConditionType.IF, "!ref($.output.list)"), True),
        (Condition(ConditionType.IF, "!ref($.output.nothing)"), False),
        (Condition(ConditionType.IF, "!ref($.event.data.plan)"), True),
        (Condition(ConditionType.IF, "!ref($.state.a.n)"), True),
        (Condition(ConditionType.ELSE, "!ref($.output.result)"), False),
        (Condition(ConditionType.ELSE, "!ref($.output.zero)"), True),
        (Condition(ConditionType.ELSE, "!ref($.output.nothing)"), True),
        (Condition(ConditionType.MATCH, "!ref($.event.data.plan)", "gold"), True),
        (Condition(ConditionType.MATCH, "!ref($.event.data.plan)", "silver"), False),
        (Condition(ConditionType.MATCH, "!ref($.output)", {"list": [], "zero": 0.0, "result": True}), True),
        (Condition(ConditionType.MATCH, "!ref($.output.result)", 1), False),
        (Condition(ConditionType.MATCH, "!ref($.output.nothing)", None), True),
        (Condition(ConditionType.MATCH, "!ref($.output.nothing)", False), False),
        (Condition(ConditionType.MATCH, "plan !ref($.event.data.plan)", "plan gold"), True),
        (Condition(ConditionType.ERROR), False),
    ],
)
def test_an_edge_is_taken_when_its_condition_holds(condition: Condition | None, is_taken: bool) -> None:
    assert edge_taken(condition, SCOPE) is is_taken


def test_a_condition_that_is_one_reference_is_decided_over_any_amount_of_data() -> None:
    huge = ReferenceScope({}, {}, output={"text": "x" * 3_000_000, "list": [[0] * 1_000] * 1_100})
    assert edge_taken(Condition(ConditionType.IF, "!ref($.output.list)"), huge)
    assert edge_taken(Condition(ConditionType.MATCH, "!ref($.output.text)", "x" * 3_000_000), huge)


@pytest.mark.parametrize("kind", [ConditionType.IF, ConditionType.ELSE, ConditionType.MATCH])
def test_a_condition_on_too_long_a_text_is_refused_by_the_name_of_the_limit(kind: ConditionType) -> None:
    huge = ReferenceScope({}, {}, output={"text": "x" * 3_000_000})
    with pytest.raises(LimitExceeded, match="resolved_chars"):
        edge_taken(Condition(kind, "!ref($.output.text)!ref($.output.text)"), huge)
