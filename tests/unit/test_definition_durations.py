"""Durations as users write them."""

from __future__ import annotations

from typing import Any

import pytest

from workflowkit.definition.durations import duration_ms, duration_seconds, duration_text


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [("500ms", 500), ("1.5s", 1_500), ("2m", 120_000), ("1 h", 3_600_000), ("7d", 604_800_000), (2, 2_000), (0.001, 1)],
)
def test_a_duration_is_text_with_a_unit_or_a_number_of_seconds(written: Any, milliseconds: int) -> None:
    assert duration_ms(written) == milliseconds
    assert duration_seconds(written) == milliseconds / 1_000


@pytest.mark.parametrize(
    "written", ["", "5", "s", "-1s", "1y", "0s", "1e3s", 0, -1, True, None, [], "1s\n", "1" * 10 + "s"]
)
def test_anything_else_is_none(written: Any) -> None:
    assert duration_ms(written) is None


def test_the_shortest_duration_is_a_millisecond() -> None:
    assert duration_ms(0.000_1) == 1


@pytest.mark.parametrize("text", ["1ms", "999ms", "90s", "59m", "25h", "366d"])
def test_a_duration_is_written_in_the_largest_unit_without_a_fraction(text: str) -> None:
    milliseconds = duration_ms(text)
    assert milliseconds is not None
    assert duration_text(milliseconds) == text
