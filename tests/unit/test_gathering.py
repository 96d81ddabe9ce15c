"""When a message about events goes out, and which of them it carries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from workflowkit.base.settings import Settings
from workflowkit.dispatch import publisher
from workflowkit.dispatch.celery_app import create_celery
from workflowkit.dispatch.publisher import CROWD_SECONDS, EVENTS_PER_MESSAGE, GATHER_SECONDS, CeleryDispatcher


@dataclass
class Time:
    """Time that passes while a dispatcher waits; the calls of others happen meanwhile."""

    now: float = 0.0
    calls: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def wait_for(self, predicate: Callable[[], Any], timeout: float) -> None:
        end = self.now + timeout
        while not predicate() and self.calls and self.calls[0][0] <= end:
            self.now, call = self.calls.pop(0)
            call()
        if not predicate():
            self.now = end

    def notify(self) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_error: object) -> None:
        pass


@pytest.mark.parametrize(
    ("calls_at", "sizes", "leaves_at", "carried"),
    [
        pytest.param([2 * GATHER_SECONDS], [1], 2 * GATHER_SECONDS, 1, id="alone"),
        pytest.param([0.001], [10], GATHER_SECONDS, 10, id="one call"),
        pytest.param([0.001, 0.002, 0.012, 0.03], [1, 1, 1, 1], CROWD_SECONDS, 3, id="many calls"),
        pytest.param([0.001, 0.006], [1, 1], GATHER_SECONDS, 1, id="calls with a pause"),
        pytest.param([0.001, 0.002, 0.009], [1, 1, EVENTS_PER_MESSAGE], 0.009, EVENTS_PER_MESSAGE + 2, id="full"),
    ],
)
def test_events_from_many_calls_travel_together(
    calls_at: list[float], sizes: list[int], leaves_at: float, carried: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    time, dispatcher = Time(), CeleryDispatcher(create_celery(Settings()))
    monkeypatch.setattr(publisher, "monotonic_seconds", lambda: time.now)
    monkeypatch.setattr(dispatcher, "_condition", time)
    monkeypatch.setattr(dispatcher, "_notify", time.notify)
    dispatcher._events_sent_at = 0.0
    time.calls = [(at, partial(dispatcher.match, ["event"] * size)) for at, size in zip(calls_at, sizes, strict=True)]
    time.wait_for(lambda: dispatcher._event_ids, 1.0)
    dispatcher._gather()
    assert time.now == pytest.approx(leaves_at)
    assert len(dispatcher._event_ids) == carried
