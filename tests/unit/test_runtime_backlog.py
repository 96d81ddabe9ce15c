"""A backlog hands on what its worker is too slow for."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from workflowkit.runtime.backlog import Backlog
from workflowkit.runtime.hints import StepHint

NEVER = 3600.0


def _hints(*names: str) -> list[StepHint]:
    return [StepHint(name.partition("/")[0], name, "default") for name in names]


def test_hints_are_taken_in_order_and_none_is_handed_on() -> None:
    spilled: list[StepHint] = []
    with Backlog(_hints("r/a", "r/b"), spilled.extend, spill_seconds=NEVER) as backlog:
        assert [backlog.take(), backlog.take(), backlog.take()] == [*_hints("r/a", "r/b"), None]
    assert spilled == []


def test_a_hint_of_the_same_run_is_taken_and_one_of_another_run_is_not() -> None:
    with Backlog(_hints("r/a", "s/b"), lambda hints: None, spill_seconds=NEVER) as backlog:
        assert backlog.take_of("s") is None
        assert backlog.take_of("r") == _hints("r/a")[0]
        assert backlog.take_of("r") is None
        assert backlog.take_of("s") == _hints("s/b")[0]


def test_a_slow_worker_loses_the_rest_to_others() -> None:
    handed_on = threading.Event()
    spilled: list[StepHint] = []

    def spill(hints: Sequence[StepHint]) -> None:
        spilled.extend(hints)
        handed_on.set()

    with Backlog(_hints("r/a", "r/b", "r/c"), spill, spill_seconds=0.001) as backlog:
        assert handed_on.wait(10)
        assert backlog.take() is None
    assert spilled == _hints("r/a", "r/b", "r/c")


def test_a_failing_worker_hands_the_rest_on() -> None:
    spilled: list[StepHint] = []
    try:
        with Backlog(_hints("r/a", "r/b"), spilled.extend, spill_seconds=NEVER) as backlog:
            backlog.take()
            raise RuntimeError
    except RuntimeError:
        pass
    assert spilled == _hints("r/b")


def test_a_single_hint_costs_no_thread() -> None:
    before = threading.active_count()
    with Backlog(_hints("r/a"), lambda hints: None) as backlog:
        assert threading.active_count() == before
        backlog.take()
