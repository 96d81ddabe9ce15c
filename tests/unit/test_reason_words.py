"""Every reason that an event may come to is told in words: on the command line, and in the browser."""

from __future__ import annotations

import re
from pathlib import Path

from documentation import names_in, table

from workflowkit.cli.words import REASONS, in_words

WORDS = Path(__file__).parents[2] / "web" / "src" / "runs" / "words.ts"


def _reasons_of_events() -> set[str]:
    """Return the documented reasons of decisions about events, and of windows."""
    rows = table("docs/reference/errors.md", "reason")
    return {names_in(row[0])[0] for row in rows if "decision about an event" in row[1] or "a window" in row[1]}


def test_the_command_line_has_words_for_every_reason_of_an_event() -> None:
    assert REASONS.keys() == _reasons_of_events()


def test_the_browser_has_words_for_every_reason_of_an_event() -> None:
    known = set(re.findall(r"^  \"?([a-z-]+)\"?: \"", WORDS.read_text("utf-8"), re.MULTILINE))
    assert _reasons_of_events() - known == set()


def test_a_reason_without_words_is_told_as_it_is() -> None:
    assert in_words("of-a-later-version") == "of-a-later-version"
