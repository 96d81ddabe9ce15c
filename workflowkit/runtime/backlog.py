"""The steps a worker could do next, done one by one while that is quick, and handed on as soon as one is slow.

A message costs as much as several steps, so a worker keeps what it opened: the other branches of a fan-out, the other
runs of a batch of events. But nothing may wait behind a slow action: when a step has taken ``spill_seconds``, all that
is left is dispatched to whoever is free: of very much, several steps in a message, for which the same is true again.
And of steps that any worker would have to read first, as a thousand runs that an event has woken, a worker keeps a
message's worth: the others are there for that.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable
from types import TracebackType

from workflowkit.base.clock import monotonic_seconds
from workflowkit.runtime.hints import Dispatcher, StepHint
from workflowkit.runtime.position import Opening
from workflowkit.runtime.slowwatch import SlowWatch

#: How many openings are kept whose runs are not at hand: as many as a message carries, or those would be passed around.
MAX_UNREAD = 10
#: One thread looks at all backlogs: one for each would cost as much as a step does.
_SLOW = SlowWatch()


class Backlog:
    """The openings of one worker thread. Those of queues that it does not serve are dispatched at once."""

    def __init__(self, queues: Collection[str], dispatcher: Dispatcher, *, spill_seconds: float) -> None:
        self._queues = queues
        self._dispatcher = dispatcher
        self._spill_seconds = spill_seconds
        self._openings: deque[Opening] = deque()
        self._unread = 0
        self._lock = threading.Lock()
        self._is_watched = False
        self._progress_at = monotonic_seconds()

    def __enter__(self) -> Backlog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hand_on()
        if self._is_watched:
            _SLOW.leave(self)

    def add(self, openings: Iterable[Opening]) -> None:
        """Take openings in; what cannot be done here goes on its way."""
        elsewhere = []
        with self._lock:
            for opening in openings:
                if opening.hint.queue not in self._queues or (_is_unread(opening) and self._unread >= MAX_UNREAD):
                    elsewhere.append(opening.hint)
                # To look at a place twice in a row is of no use.
                elif not (opening.hint.is_place and any(each.hint == opening.hint for each in self._openings)):
                    self._openings.append(opening)
                    self._unread += _is_unread(opening)
            if self._openings and not self._is_watched:
                self._watch()
        if elsewhere:
            self._dispatcher.execute(elsewhere)

    def step_done(self, openings: Collection[Opening] = ()) -> None:
        """Note that the worker has finished a step, and what that opened."""
        self._progress_at = monotonic_seconds()
        if openings:
            self.add(openings)

    def take(self) -> Opening | None:
        """Return the next opening, or ``None`` when all are taken or handed on."""
        with self._lock:
            return self._take() if self._openings else None

    def take_of(self, run_id: str) -> StepHint | None:
        """Return the next opening's hint if it is about this run."""
        with self._lock:
            if self._openings and self._openings[0].hint.run_id == run_id:
                return self._take().hint
            return None

    def is_only_at(self, places: Collection[str]) -> bool:
        """Tell whether nothing is left here but looks at some of these places, if any."""
        with self._lock:
            return all(opening.hint.is_place and opening.hint.step_key in places for opening in self._openings)

    def _take(self) -> Opening:
        opening = self._openings.popleft()
        self._unread -= _is_unread(opening)
        return opening

    def look(self) -> float | None:
        """Hand on what is left if a step has taken too long; return in how many seconds to look again, if at all."""
        left = self._progress_at + self._spill_seconds - monotonic_seconds()
        if left <= 0:
            self._hand_on()
        with self._lock:
            self._is_watched = bool(self._openings)
            return max(left, self._spill_seconds / 10) if self._is_watched else None

    def _watch(self) -> None:
        self._is_watched = True
        _SLOW.watch(self, self._spill_seconds)

    def _hand_on(self) -> None:
        with self._lock:
            left = [opening.hint for opening in self._openings]
            self._openings.clear()
            self._unread = 0
        if left:
            self._dispatcher.execute(left)


def _is_unread(opening: Opening) -> bool:
    return opening.position is None and not opening.hint.is_place
