"""One thread looks at what may take too long, when that is due, and ends when there is nothing."""

from __future__ import annotations

import threading

import pytest
import services

from workflowkit.runtime import slowwatch
from workflowkit.runtime.slowwatch import SlowWatch


class Looked:
    """Notes how often it was looked at; wants to be looked at so often."""

    def __init__(self, times: int) -> None:
        self.left, self.looks = times, 0

    def look(self) -> float | None:
        self.looks += 1
        self.left -= 1
        return 0.0 if self.left > 0 else None


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "workflowkit-slow-watch"]


def test_what_is_due_is_looked_at_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slowwatch, "LOOK_SECONDS", 0.001)
    watch, once, thrice, later, left = SlowWatch(), Looked(1), Looked(3), Looked(1), Looked(1)
    watch.watch(later, 3_600.0)
    watch.watch(left, 0.2)
    watch.leave(left)
    for each in (once, thrice):
        watch.watch(each, 0.0)
    assert services.wait_until(lambda: thrice.looks == 3 and once.looks == 1, timeout_seconds=60)
    watch.watch(once, 0.0)
    assert services.wait_until(lambda: once.looks == 2, timeout_seconds=60)
    assert (later.looks, left.looks) == (0, 0)


def test_one_thread_looks_at_everything_and_ends_when_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slowwatch, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(slowwatch, "LINGER_SECONDS", 0.0)
    before = set(_threads())
    watch, things = SlowWatch(), [Looked(1) for _ in range(50)]
    for thing in things:
        watch.watch(thing, 3_600.0)
    assert len(set(_threads()) - before) == 1
    for thing in things:
        watch.leave(thing)
    assert services.wait_until(lambda: not set(_threads()) - before, timeout_seconds=60)
    watch.watch(things[0], 0.0)
    assert services.wait_until(lambda: things[0].looks == 1, timeout_seconds=60)
