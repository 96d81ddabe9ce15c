"""A worker keeps what it opened while its steps are quick, and hands it on as soon as one is slow."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import services

from workflowkit.dispatch.publisher import STEPS_PER_MESSAGE
from workflowkit.runtime.backlog import MAX_UNREAD, Backlog
from workflowkit.runtime.hints import StepHint, place_hint
from workflowkit.runtime.position import Opening

NEVER = 3600.0


class Dispatched(list[StepHint]):
    """A dispatcher that notes what it is given."""

    def match(self, event_ids: Sequence[str]) -> None:
        raise AssertionError

    def execute(self, hints: Sequence[StepHint]) -> None:
        self.extend(hints)

    def queued(self, queue: str = "default") -> int:
        return 0


def _openings(*names: str, queue: str = "default") -> list[Opening]:
    return [Opening(StepHint(name.partition("/")[0], name, queue)) for name in names]


def _hints(*names: str) -> list[StepHint]:
    return [opening.hint for opening in _openings(*names)]


def test_openings_are_taken_in_order_and_none_is_handed_on() -> None:
    dispatched = Dispatched()
    with Backlog(["default"], dispatched, spill_seconds=NEVER) as backlog:
        backlog.add(_openings("r/a", "r/b"))
        assert [backlog.take(), backlog.take(), backlog.take()] == [*_openings("r/a", "r/b"), None]
    assert dispatched == []


def test_an_opening_of_the_same_run_is_taken_and_one_of_another_run_is_not() -> None:
    with Backlog(["default"], Dispatched(), spill_seconds=NEVER) as backlog:
        backlog.add(_openings("r/a", "s/b"))
        assert backlog.take_of("s") is None
        assert backlog.take_of("r") == _hints("r/a")[0]
        assert backlog.take_of("r") is None
        assert backlog.take_of("s") == _hints("s/b")[0]


def test_a_slow_step_sends_the_rest_to_others() -> None:
    dispatched = Dispatched()
    with Backlog(["default"], dispatched, spill_seconds=0.001) as backlog:
        backlog.add(_openings("r/a", "r/b", "r/c"))
        assert services.wait_until(lambda: len(dispatched) == 3, timeout_seconds=60)
        assert backlog.take() is None
        backlog.step_done(_openings("r/d"))
        assert services.wait_until(lambda: len(dispatched) == 4, timeout_seconds=60)
    assert dispatched == _hints("r/a", "r/b", "r/c", "r/d")


def test_steps_of_queues_that_this_worker_does_not_serve_go_on_at_once() -> None:
    dispatched = Dispatched()
    with Backlog(["default"], dispatched, spill_seconds=NEVER) as backlog:
        backlog.add([*_openings("r/a"), *_openings("r/b", queue="slow")])
        assert dispatched == [StepHint("r", "r/b", "slow")]
        assert backlog.take() == _openings("r/a")[0]


def test_a_failing_worker_hands_the_rest_on() -> None:
    dispatched = Dispatched()
    with contextlib.suppress(RuntimeError), Backlog(["default"], dispatched, spill_seconds=NEVER) as backlog:
        backlog.add(_openings("r/a", "r/b"))
        backlog.take()
        raise RuntimeError
    assert dispatched == _hints("r/b")


def test_of_many_steps_that_have_to_be_read_first_a_message_s_worth_is_kept() -> None:
    dispatched, names = Dispatched(), [f"r{number}/a" for number in range(MAX_UNREAD + 5)]
    with Backlog(["default"], dispatched, spill_seconds=NEVER) as backlog:
        backlog.add(_openings(*names))
        assert dispatched == _hints(*names[MAX_UNREAD:])
        assert [backlog.take() for _ in names] == [*_openings(*names[:MAX_UNREAD]), *[None] * 5]
        backlog.add(_openings("s/a"))
        assert backlog.take() == _openings("s/a")[0]


def test_a_worker_keeps_a_whole_message() -> None:
    assert MAX_UNREAD >= STEPS_PER_MESSAGE


def test_a_backlog_tells_whether_nothing_is_left_but_looks_at_some_places() -> None:
    with Backlog(["default"], Dispatched(), spill_seconds=NEVER) as backlog:
        assert backlog.is_only_at({"g"})
        backlog.add([Opening(place_hint("g", "default"))])
        assert backlog.is_only_at({"g"})
        assert not backlog.is_only_at({"h"})
        backlog.add(_openings("g/a"))
        assert not backlog.is_only_at({"g"})
