"""A split condition is as true as the whole one, for whatever events."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from workflowkit.base.errors import ExpressionError
from workflowkit.definition.cel import compile_expression
from workflowkit.definition.correlation import Correlation, index_key, split, value_at

SCALARS = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, 2, 1.0, -0.0, 0.5, 2**53, float(2**53), 1e300])
    | st.sampled_from(["", "a", "1", "true", "2026-01-01", "' || true || '", "event.data.a"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "0"]), inner, max_size=2),
    max_leaves=4,
)
EVENTS = st.fixed_dictionaries({"data": st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3)})

LATER_SIDES = st.sampled_from(
    ["async.data.a", "async.data.b", "async.data['c']", "async.data.a[0]", "async.data.a.b", "async.data.a['0']"]
)
KNOWN_SIDES = st.sampled_from(
    ["event.data.a", "event.data.b", "(event.data.c)", "event.data.a.b", "event.data.a + event.data.b", "event.data",
     "event.data.a ? 1 : 'a'", "[event.data.a]", "date('2026-01-01')", "event.data.a / 0", "event.data.a < 2",
     "1", "1.0", "'a'", "null", "true", "'a && b || c == d'"]
)  # fmt: skip
CONDITIONS = st.one_of(
    st.builds("{} == {}".format, LATER_SIDES, KNOWN_SIDES),
    st.builds("{} == {}".format, KNOWN_SIDES, LATER_SIDES),
    st.builds("{} {} {}".format, LATER_SIDES, st.sampled_from(["!=", "<", ">="]), KNOWN_SIDES),
    st.builds("{} == {}".format, LATER_SIDES, LATER_SIDES),
    LATER_SIDES,
)
TEXTS = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.builds("{} && {}".format, inner, inner),
        st.builds("({}) && ({})".format, inner, inner),
        st.builds("{} || {}".format, inner, inner),
        st.builds("({})".format, inner),
        st.builds("!({})".format, inner),
        st.builds("({}) ? ({}) : ({})".format, inner, inner, inner),
    ),
    max_leaves=5,
)


def is_true(text: str | None, event: Any, later: Any) -> bool:
    """Return the truth of a condition as waits have it: one that cannot be evaluated is no match."""
    if text is None:
        return True
    try:
        return compile_expression(text, policy="restricted").matches({"event": event, "async": later})
    except ExpressionError:
        return False


def is_found(found: Correlation, later: Any) -> bool:
    """Return whether the index leads from the later event to the wait."""
    if found.path is None:
        return True
    return index_key(found.path, found.value) == index_key(found.path, value_at(later, found.path))


@settings(max_examples=800)
@given(TEXTS, EVENTS, EVENTS)
@example("async.data.a == event.data.a && async.data.b == event.data.a / 0", {"data": {}}, {"data": {}})
@example("async.data.a == date('2026-01-01')", {"data": {}}, {"data": {"a": "2026-01-01T00:00:00Z"}})
def test_the_key_and_the_rest_say_what_the_whole_says(text: str, event: Any, later: Any) -> None:
    found = split(text, known={"event": event})

    assert (is_found(found, later) and is_true(found.rest, event, later)) is is_true(text, event, later)


@settings(max_examples=200)
@given(st.builds("{} == {}".format, LATER_SIDES, st.sampled_from(["event.data.a", "event.data.b"])), TEXTS, EVENTS)
def test_an_equality_with_the_known_event_always_becomes_a_key(equality: str, text: str, event: Any) -> None:
    found = split(f"({text}) && {equality}", known={"event": event})

    assert found.path is not None
    assert found.rest is not None


@given(VALUES, VALUES)
def test_keys_are_equal_exactly_where_expressions_say_so(left: Any, right: Any) -> None:
    is_equal = compile_expression("a == b").matches({"a": left, "b": right})

    assert (index_key("x", left) == index_key("x", right)) is is_equal
