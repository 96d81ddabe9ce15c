"""Docstrings in the usual styles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflowkit.typeschema.docstring import parse_docstring

GOOGLE = """Send an e-mail
    to somebody.

    More words.

    Args:
        to (str): The receiver,
            or several of them.
        subject: One line: no more.
        **rest: Anything else.

    Returns:
        id: The id.
    """
NUMPY = """Send an e-mail to somebody.

    Parameters
    ----------
    to : str
        The receiver,
        or several of them.
    subject
        One line: no more.

    Returns
    -------
    id : str
        The id.
    """
SPHINX = """Send an e-mail to somebody.

    :param str to: The receiver,
        or several of them.
    :param subject: One line: no more.
    :returns: id
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX])
def test_every_style_says_the_same(text: str) -> None:
    docstring = parse_docstring(text)

    assert docstring.summary == "Send an e-mail to somebody."
    assert docstring.parameters["to"] == "The receiver, or several of them."
    assert docstring.parameters["subject"] == "One line: no more."
    assert "id" not in docstring.parameters


def test_collected_parameters_are_documented_without_their_stars() -> None:
    assert parse_docstring(GOOGLE).parameters["rest"] == "Anything else."


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        (None, ""),
        ("", ""),
        ("Just words: and more.", "Just words: and more."),
        ("Args:\n    a: x", ""),
        ("Title\n-----\nText", ""),
    ],
)
def test_text_in_no_style_is_only_a_summary(text: str | None, summary: str) -> None:
    assert parse_docstring(text).summary == summary


def test_a_line_that_is_no_entry_does_not_continue_the_one_before() -> None:
    text = "X.\n\nArgs:\n    a: one\n    -- not an entry\n        deeper\n    b: two\n"

    assert parse_docstring(text).parameters == {"a": "one", "b": "two"}


@given(st.text(alphabet="aA: \n-_()*:.Args:Parameters", max_size=200))
def test_no_text_breaks_the_parser(text: str) -> None:
    parse_docstring(text)
