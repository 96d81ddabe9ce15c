"""What is looked for in the text of stored data is there whenever the condition it follows from holds."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workflowkit.base import jsonvalue
from workflowkit.base.errors import InvalidInput
from workflowkit.definition.runsearch import parse_search

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4), TEXTS, TEXTS)
def test_a_fragment_is_in_the_data_of_every_event_that_fulfils_its_condition(
    others: dict[str, Any], field: str, text: str
) -> None:
    data = others | {field: text}
    search = parse_search(f"event.data[{_literal(field)}] == {_literal(text)}")
    assert search.matches({"event": {"data": data}, "output": None})
    (fragment,) = search.fragments
    assert fragment in jsonvalue.dumps(data)


@given(st.text(max_size=60))
def test_any_text_is_a_search_or_refused_with_its_place(text: str) -> None:
    refusal: InvalidInput | None = None
    try:
        parse_search(text, pointer="/query")
    except InvalidInput as error:
        refusal = error
    assert refusal is None or [problem.pointer for problem in refusal.problems] == ["/query/where"]


def _literal(text: str) -> str:
    """Return the text as an expression spells it."""
    return "'" + "".join(f"\\U{ord(char):08x}" for char in text) + "'"
