"""A dry run as a stream: what happens is told while it goes on, and whoever goes away ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
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


def stream(perform: Performance) -> Iterator[bytes]:
    """Yield a dry run as server-sent events: ``state`` for each change, and at last what ``perform`` returns.

    It goes on in a thread of its own, and is ended when the iterator is closed.
    """
    told: SimpleQueue[_Told] = SimpleQueue()
    switch = StopSwitch()

    def run() -> None:
        try:
            told.put(perform(told.put, switch))
        except StopInterrupt:
            return  # nobody listens any more

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
