"""Business hours, over weekends and changes of the clock."""

from __future__ import annotations

import importlib
from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from workflowkit.base.errors import NonRetriableError
from workflowkit.registry import Registry, load_builtin_actions

load_builtin_actions(Registry())
next_business_hour = importlib.import_module("workflowkit_actions.delay_until").next_business_hour
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-11-26T10:30", "2026-11-26T10:30:00+01:00"),  # Thursday, open
        ("2026-11-26T08:59", "2026-11-26T09:00:00+01:00"),
        ("2026-11-26T17:00", "2026-11-27T09:00:00+01:00"),
        ("2026-11-27T17:30", "2026-11-30T09:00:00+01:00"),  # Friday evening
        ("2026-11-28T12:00", "2026-11-30T09:00:00+01:00"),  # Saturday
        ("2026-03-28T12:00", "2026-03-30T09:00:00+02:00"),  # the clock goes forward on Sunday
    ],
)
def test_the_next_business_hour(given: str, expected: str) -> None:
    moment = datetime.fromisoformat(given).replace(tzinfo=BERLIN)
    assert next_business_hour(moment, time(9), time(17)).isoformat() == expected


def test_hours_that_close_before_they_open_are_refused() -> None:
    with pytest.raises(NonRetriableError):
        next_business_hour(datetime(2026, 11, 26, tzinfo=BERLIN), time(17), time(9))
