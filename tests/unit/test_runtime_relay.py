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


def test_a_tick_that_fails_is_logged_and_repeated(caplog: pytest.LogCaptureFixture) -> None:
    ticks = _Ticks()
    thread = RelayThread(ticks, interval_seconds=0.001)  # type: ignore[arg-type]
    thread.start()
    assert ticks.has_worked.wait(20)
    thread.stop()
    first, second = [record for record in caplog.records if record.name == "workflowkit.runtime.relay"]
    assert (first.levelno, first.exc_info) == (logging.WARNING, None)
    assert "the database is away" in first.message
    assert second.levelno == logging.ERROR
    assert "a bug" in caplog.text
