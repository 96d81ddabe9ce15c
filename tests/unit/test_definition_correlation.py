"""A wait's condition becomes an index key and a rest; values stay values."""

from __future__ import annotations

from typing import Any

import pytest
from builders import an_event

from workflowkit.base.errors import ExpressionError
from workflowkit.definition.correlation import Correlation, index_key, match_condition, split, value_at

EVENT = an_event({"id": "o-1", "n": 3, "at": "2026-01-01T00:00:00Z", "tags": ["a"], "who": {"first name": "Ada"}})


def splitted(text: str, **known: Any) -> Correlation:
    return split(text, known={"event": EVENT, **known})


@pytest.mark.parametrize(
    ("text", "path", "value", "rest"),
    [
        ("async.data.id == event.data.id", "data.id", "o-1", None),
        ("event.data.id == async.data.id", "data.id", "o-1", None),
        ("(async.data.id == event.data.id)", "data.id", "o-1", None),
        ("async.data.id == event.data.id && async.data.total > 5", "data.id", "o-1", "async.data.total > 5"),
        ("async.data.a || async.data.b", None, None, "async.data.a || async.data.b"),
        ("async.data.id == event.data.id || true", None, None, "async.data.id == event.data.id || true"),
        ("async.data.a ? async.data.id == event.data.id : true", None, None,
         "async.data.a ? async.data.id == event.data.id : true"),
        ("(async.data.a || async.data.b) && (async.data.id == event.data.id && async.data.c)", "data.id", "o-1",
         "(async.data.a || async.data.b) && async.data.c"),
        ("async.data.n == event.data.n * 2 + 1", "data.n", 7, None),
        ("async.data.key == event.data.id + '-' + event.data.n", "data.key", "o-1-3", None),
        ("async.data.kind == 'paid' && async.data.id == event.data.id", "data.id", "o-1", "async.data.kind == 'paid'"),
        ("async.data.kind == 'paid'", "data.kind", "paid", None),
        ("async.data.id == event.data.none && async.data.n == event.data.n", "data.n", 3,
         "async.data.id == event.data.none"),
        ("async.data.id == event.data.none", "data.id", None, None),
        ("async.data.items[0]['sku no'] == event.data.id", 'data.items[0]["sku no"]', "o-1", None),
        ("async.data.a == async.data.b", None, None, "async.data.a == async.data.b"),
        ("async.data.id == event.data.id == true", None, None, "async.data.id == event.data.id == true"),
        ("async.data.id != event.data.id", None, None, "async.data.id != event.data.id"),
        ("!async.data.id == event.data.id", None, None, "!async.data.id == event.data.id"),
        ("async.data.id == event.data.id // the order\n && async.data.ok", "data.id", "o-1", "async.data.ok"),
        ("async.data.text == 'a && b == c'", "data.text", "a && b == c", None),
        ("async.data.id == event.data.id && event.data.id != null", "data.id", "o-1", None),
        ("async.data.id == event.data.none && event.data.none != null", None, None, "false"),
        ("event.data.n > 5 && async.data.ok", None, None, "false"),
        ("event.data.n < 5 && async.data.ok", None, None, "async.data.ok"),
        ("event.data.n < 5", None, None, None),
        ("event.data.n / 0 > 1 && async.data.ok", None, None, "event.data.n / 0 > 1 && async.data.ok"),
    ],
)  # fmt: skip
def test_a_condition_is_split_into_an_equality_and_a_rest(text: str, path: str, value: Any, rest: str) -> None:
    assert splitted(text) == Correlation(path, value, rest)


def test_what_depends_on_the_time_stays_in_the_rest() -> None:
    text = "date(event.data.at) < now() && async.data.ok"
    assert split(text, known={"event": {"data": {"at": 0}}}, policy="full") == Correlation(None, None, text)


def test_what_cannot_be_evaluated_now_stays_in_the_rest() -> None:
    broken = "async.data.id == event.data.n / 0"
    of_a_time = "async.data.at == date(event.data.at)"
    unknown = "async.data.id == other.id"

    for text in (broken, of_a_time, unknown):
        assert splitted(text) == Correlation(None, None, text)
    assert splitted(unknown, other={"id": 5}) == Correlation("data.id", 5, None)


def test_a_condition_that_does_not_compile_is_refused() -> None:
    for text in ("", "async.data.id ==", "async.data.ids.exists(i, i == event.data.id)"):
        with pytest.raises(ExpressionError):
            splitted(text)
    text = "async.data.ids.exists(i, i == event.data.id)"
    assert split(text, known={"event": EVENT}, policy="full") == Correlation(None, None, text)


@pytest.mark.parametrize("value", ['" || true', "' || true || '", "$value", "event.data.id", "!ref($.event)"])
def test_a_value_never_becomes_text_of_an_expression(value: str) -> None:
    found = split("async.data.id == event.data.id && async.data.ok", known={"event": {"data": {"id": value}}})

    assert found == Correlation("data.id", value, "async.data.ok")


def test_match_stands_for_an_equality_of_one_place_in_both_events() -> None:
    equal = "async.data.id == event.data.id && event.data.id != null"
    assert match_condition("data.id") == equal
    name = 'data["first name"][0]'
    assert match_condition("data['first name'][0]") == f"async.{name} == event.{name} && event.{name} != null"
    assert match_condition("data.id // x") == equal
    for bad in ("", "data.id || true", "data.id == event.data.id", "data.", "data[0", "data.id)", "data[event.n]"):
        with pytest.raises(ExpressionError):
            match_condition(bad)


def test_a_path_is_followed_as_in_an_expression() -> None:
    event = {"data": {"list": [{"a b": 1}], "map": {"0": 2}, "null": None}}

    assert value_at(event, 'data.list[0]["a b"]') == 1
    for nowhere in ("data.list[1]", "data.map[0]", 'data.list["0"]', "data.null", "data.null.x", "nothing.at.all"):
        assert value_at(event, nowhere) is None
    with pytest.raises(ValueError, match="not a path"):
        value_at(event, "data.list[x]")


def test_keys_are_equal_where_expressions_say_equal() -> None:
    same = [(1, 1.0), (0, -0.0), ([1, {"a": 2.0}], [1.0, {"a": 2}]), ({"a": 1, "b": 2}, {"b": 2, "a": 1})]
    different = [(1, True), (0, False), (1, "1"), (None, ""), ([], {}), ([1], 1), (2**53 - 1, 2**53), ("a", "A")]

    for left, right in same:
        assert index_key("data.id", left) == index_key("data.id", right)
    for left, right in different:
        assert index_key("data.id", left) != index_key("data.id", right)
    assert index_key("data.id", 1) != index_key("data.n", 1)
