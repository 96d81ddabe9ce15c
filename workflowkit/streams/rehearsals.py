"""A dry run as a stream: what happens is told while it goes on, and whoever goes away ends it."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from workflowkit.base.errors import StopInterrupt
from workflowkit.base.jsonvalue import Json
from workflowkit.engine.localnews import LocalNews, OnNews
from workflowkit.engine.stopswitch import StopSwitch
from workflowkit.streams import frames

#: How long nothing is written: that a client has gone is noticed by writing to it.
HEARTBEAT_SECONDS = 0.5
#: How long an action that was interrupted may take to end before it is left alone.
ENDING_SECONDS = 1.0

#: Runs it, and returns the event that tells how it ended, with its data.
Performance = Callable[[OnNews, StopSwitch], tuple[str, Json]]
_Told = LocalNews | tuple[str, Json]


@dataclass(frozen=True, slots=True)
class LiveRehearsal:
    """The body of the answer to somebody who follows a dry run. Servers close it when they are done with it."""

    _told: Generator[bytes]
    _leave: Callable[[], None]

    def __iter__(self) -> Iterator[bytes]:
        return self._told

    def close(self) -> None:
        """End the dry run."""
        if inspect.getgeneratorstate(self._told) == inspect.GEN_CREATED:
            self._leave()  # it has not begun, and will not
        self._told.close()


def stream(perform: Performance, leave: Callable[[], None]) -> LiveRehearsal:
    """Return a dry run as server-sent events: ``state`` for each change, and at last what ``perform`` returns.

    It goes on in a thread of its own, and is ended when the iterable is closed. ``leave`` is called when no thread is
    at it any more: an action that nothing can interrupt keeps its place.
    """
    return LiveRehearsal(_performed(perform, leave), leave)


def _performed(perform: Performance, leave: Callable[[], None]) -> Generator[bytes]:
    told: SimpleQueue[_Told] = SimpleQueue()
    switch = StopSwitch()

    def run() -> None:
        try:
            told.put(perform(told.put, switch))
        except StopInterrupt:
            return  # nobody listens any more
        finally:
            leave()

    thread = threading.Thread(target=run, name="workflowkit-rehearsal", daemon=True)
    thread.start()
    try:
        yield from _frames(told)
    finally:
        switch.throw()
        thread.join(ENDING_SECONDS)


def _frames(told: SimpleQueue[_Told]) -> Iterator[bytes]:
    yield frames.HEARTBEAT  # begins the answer
    while True:
        try:
            new = told.get(timeout=HEARTBEAT_SECONDS)
        except Empty:
            yield frames.HEARTBEAT
            continue
        news, end = _gathered(new, told)
        if news is not None:
            yield frames.frame("state", _shown(news))
        if end is not None:
            yield frames.frame(*end)
            return


def _gathered(new: _Told, told: SimpleQueue[_Told]) -> tuple[LocalNews | None, tuple[str, Json] | None]:
    """Return what has changed by now, as one, and how it ended, if it did."""
    news: LocalNews | None = None
    while isinstance(new, LocalNews):
        news = new if news is None else news.and_then(new)
        try:
            new = told.get_nowait()
        except Empty:
            return news, None
    return news, new


def _shown(news: LocalNews) -> Json:
    return {
        "steps": [{"id": step_id, "status": status.value} for step_id, status in news.steps.items()],
        "edges": [{"id": edge_id, "state": state.value} for edge_id, state in news.edges.items()],
    }
