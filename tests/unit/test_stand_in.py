"""Who follows hints that cannot be sent: no more at a time than the worker may, and nothing once it is to end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from workflowkit.base.settings import Settings
from workflowkit.dispatch.celery_app import create_celery
from workflowkit.dispatch.publisher import CeleryDispatcher
from workflowkit.dispatch.standin import WAITING_PER_THREAD, InTurn, StandIn
from workflowkit.runtime.hints import StepHint

PATIENCE_SECONDS = 60


@dataclass
class Steps:
    """A worker whose steps take until they are let go."""

    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    go: threading.Event = field(default_factory=threading.Event)
    events: list[str] = field(default_factory=list)
    at_a_time: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def match(self, event_ids: Sequence[str]) -> None:
        with self.lock:
            self.events += event_ids
            self.at_a_time += 1
            self.most = max(self.most, self.at_a_time)
        self.begun.release()
        assert self.go.wait(PATIENCE_SECONDS)
        with self.lock:
            self.at_a_time -= 1

    def execute(self, hints: Sequence[StepHint]) -> None:
        self.match([hint.step_key for hint in hints])

    def await_begun(self) -> None:
        assert self.begun.acquire(timeout=PATIENCE_SECONDS)


@pytest.fixture
def steps() -> Iterator[Steps]:
    made = Steps()
    yield made
    made.go.set()


def no_threads(name: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the system have no threads with such names, until what is returned is called."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith(name):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    return lambda: monkeypatch.setattr(threading.Thread, "start", start)


def test_a_worker_for_one_step_at_a_time_never_has_two_whoever_brings_them(steps: Steps) -> None:
    in_turn = InTurn(steps)
    in_turn.allow(1)
    stand_in = StandIn(in_turn, ["default"], 1)
    by_the_broker = threading.Thread(target=in_turn.execute, args=([StepHint("r", "b", "default")],))
    by_the_broker.start()
    steps.await_begun()
    stand_in.take(["e"], [[StepHint("r", "s", "default")]])
    steps.go.set()
    by_the_broker.join(PATIENCE_SECONDS)
    steps.await_begun()
    steps.await_begun()
    stand_in.stop()
    assert (steps.most, sorted(steps.events)) == (1, ["b", "e", "s"])


def test_nothing_is_begun_once_the_worker_is_to_end(steps: Steps) -> None:
    stand_in = StandIn(steps, ["default"], 1)
    stand_in.take(["e1"], ())
    steps.await_begun()
    stand_in.take(["e2"], ())  # waits for the thread
    stand_in.close()
    stand_in.take(["e3"], [[StepHint("r", "s", "default")]])
    steps.go.set()
    stand_in.stop()
    assert steps.events == ["e1"]


def test_where_there_are_no_threads_hints_are_dropped_and_no_room_is_lost(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.go.set()
    stand_in = StandIn(steps, ["default"], 1)
    there_are_again = no_threads("workflowkit-standin", monkeypatch)
    for number in range(3 * (1 + WAITING_PER_THREAD)):
        stand_in.take([f"lost-{number}"], ())
    there_are_again()
    stand_in.take(["kept"], ())
    steps.await_begun()
    stand_in.stop()
    assert "kept" in steps.events


def test_a_publisher_outlives_whatever_goes_wrong_with_its_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[Any] = []
    arrived = threading.Semaphore(0)
    dispatcher = CeleryDispatcher(create_celery(Settings()))

    def pass_on(event_ids: list[str], messages: list[list[StepHint]]) -> None:
        passed.append(event_ids)
        arrived.release()
        if len(passed) == 1:
            raise OSError("out of file descriptors")

    monkeypatch.setattr(dispatcher, "_pass_on", pass_on)
    there_are_again = no_threads("workflowkit-publisher", monkeypatch)
    dispatcher.match(["e0"])  # whoever has stored an event is not told that it was not
    there_are_again()
    dispatcher.match(["e1"])
    assert arrived.acquire(timeout=PATIENCE_SECONDS)
    dispatcher.match(["e2"])
    assert arrived.acquire(timeout=PATIENCE_SECONDS)
    dispatcher.stop()
    assert passed == [["e0", "e1"], ["e2"]]
