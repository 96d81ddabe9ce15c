"""The thread of the relay goes on whatever happens to a tick."""

from __future__ import annotations

import logging
import threading

import pytest

from workflowkit.base.errors import StoreUnavailable
from workflowkit.runtime.relay import RelayThread


class _Ticks:
    """Fails once for want of a database, once for no reason, then works."""

    def __init__(self) -> None:
        self.troubles: list[Exception] = [StoreUnavailable("the database is away"), RuntimeError("a bug")]
        self.has_worked = threading.Event()

    def tick(self) -> int:
        if self.troubles:
            raise self.troubles.pop(0)
        self.has_worked.set()
        return 0

    def pause_seconds(self, most_seconds: float) -> float:
        return most_seconds


def test_a_tick_that_fails_is_logged_and_repeated(caplog: pytest.LogCaptureFixture) -> None:
    ticks = _Ticks()
    thread = RelayThread(ticks, interval_seconds=0.001)  # type: ignore[arg-type]
    thread.start()
    assert ticks.has_worked.wait(60)
    thread.stop()
    first, second = [record for record in caplog.records if record.name == "workflowkit.runtime.relay"]
    assert (first.levelno, first.exc_info) == (logging.WARNING, None)
    assert "the database is away" in first.message
    assert second.levelno == logging.ERROR
    assert "a bug" in caplog.text


class _Eager:
    """Has something to do at once, twice."""

    def __init__(self) -> None:
        self.pauses = [0.0, 0.25]

    def tick(self) -> int:
        return 0

    def pause_seconds(self, most_seconds: float) -> float:
        return self.pauses.pop(0) if self.pauses else most_seconds


class _Stop:
    """Ends a thread when it has waited four times, and keeps for how long."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        return len(self.waited) == 4


def test_a_relay_that_knows_what_comes_sooner_does_not_wait_for_its_interval() -> None:
    thread = RelayThread(_Eager(), interval_seconds=0.5)  # type: ignore[arg-type]
    thread._stop = stop = _Stop()  # type: ignore[assignment]
    thread._run()
    assert stop.waited == [0.5, 0.0, 0.25, 0.5]


class _Part:
    """Counts how often it was asked for, and fails each time."""

    def __init__(self) -> None:
        self.count = 0

    def _fail(self) -> None:
        self.count += 1
        raise RuntimeError("a bug")

    tell = tick = _fail

    def pause_seconds(self, most_seconds: float) -> float:
        return most_seconds


def test_what_fails_keeps_nothing_else_from_being_done() -> None:
    relay, presence, pruning = _Part(), _Part(), _Part()
    thread = RelayThread(relay, interval_seconds=0.5, presence=presence, pruning=pruning)  # type: ignore[arg-type]
    thread._stop = _Stop()  # type: ignore[assignment]
    thread._run()
    assert relay.count == presence.count == pruning.count == 3
