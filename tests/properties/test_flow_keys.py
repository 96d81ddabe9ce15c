"""Keys tell events apart exactly if their values differ, fit into an index, and never fail an event."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workflowkit.definition.settings.flow import FlowControl
from workflowkit.flow.keys import INVALID_TEXT, MAX_KEY_CHARS, NO_KEY, canonical_text, evaluate_key, holds
from workflowkit.flow.priority import priority_seconds

NOW = 1_750_000_000_000
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-2, 2)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)
SCALARS = st.none() | st.booleans() | NUMBERS | NUMBERS.map(str) | TEXTS | st.sampled_from(["", "false", INVALID_TEXT])
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
EXPRESSIONS = st.sampled_from(
    [
        "event.data",
        "event.data.a",
        "event.data == 1",
        "-event.data",
        "event.data + 1",
        "event.data ? 1 : 2",
        "now()",
        "(",
    ]
)


def typed(value: Any) -> Any:
    """Return the value so that Python compares it as JSON: ``True`` is not 1, and 1.0 is."""
    if isinstance(value, list):
        return ["list", *map(typed, value)]
    if isinstance(value, dict):
        return {name: typed(item) for name, item in value.items()}
    return ("number", value) if isinstance(value, int | float) and not isinstance(value, bool) else (type(value), value)


def respelled(value: Any) -> Any:
    """Return an equal value in another spelling: members the other way round, whole numbers as floats."""
    if isinstance(value, list):
        return [respelled(item) for item in value]
    if isinstance(value, dict):
        return {name: respelled(value[name]) for name in reversed(value)}
    return float(value) if type(value) is int else value


@given(JSON, JSON)
def test_values_have_one_text_exactly_if_they_are_equal(one: Any, other: Any) -> None:
    assert (canonical_text(one) == canonical_text(other)) == (typed(one) == typed(other))


@given(JSON)
def test_the_spelling_of_a_value_does_not_matter(value: Any) -> None:
    assert canonical_text(respelled(value)) == canonical_text(value)


@given(JSON)
def test_a_key_fits_into_an_index_and_is_no_other_kind_of_key(value: Any) -> None:
    text = canonical_text(value)
    assert len(text) <= MAX_KEY_CHARS
    assert text not in (NO_KEY.text, INVALID_TEXT)
    assert (text == "false") == (value is False)


@given(EXPRESSIONS, JSON)
def test_no_event_makes_an_evaluation_raise(expression: str, data: Any) -> None:
    event = {"name": "a", "data": data}
    key = evaluate_key(expression, event)
    assert (key.text == INVALID_TEXT) == (key.fault is not None)
    assert key == evaluate_key(expression, event)
    assert -600 <= priority_seconds(FlowControl(priority=expression), event, now_ms=NOW) <= 600
    assert holds(expression, event, now_ms=NOW) in (True, False)
