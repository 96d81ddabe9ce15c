"""One thread of a process that looks at what may take too long. It lives while there is anything, and a bit longer."""

from __future__ import annotations

import threading
from typing import Protocol

from workflowkit.base import forks
from workflowkit.base.clock import monotonic_seconds

#: How long the thread stays without anything to look at, so that quick work after quick work starts no new one.
LINGER_SECONDS = 2.0
#: The longest time between two looks while there is something, as what is added later may be due sooner.
LOOK_SECONDS = 0.05


class Watched(Protocol):
    """Something that is looked at when it is due."""

    def look(self) -> float | None:
        """Do what is to be done now; return in how many seconds to look again, ``None`` if that is not needed."""
        ...


class SlowWatch:
    """Looks at things when they are due, a little late at most. Thread-safe."""

    def __init__(self) -> None:
        self._begin()
        forks.register(self._begin)

    def _begin(self) -> None:
        self._due: dict[Watched, float] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pause = threading.Event()

    def watch(self, watched: Watched, seconds: float) -> None:
        """Look at something in so many seconds, unless it is left before."""
        with self._lock:
            self._due[watched] = monotonic_seconds() + seconds
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="workflowkit-slow-watch", daemon=True)
                self._thread.start()

    def leave(self, watched: Watched) -> None:
        """Look at something no more."""
        with self._lock:
            self._due.pop(watched, None)

    def _run(self) -> None:
        idle_since = monotonic_seconds()
        while True:
            self._pause.wait(LOOK_SECONDS)
            now = monotonic_seconds()
            with self._lock:
                if self._due:
                    idle_since = now
                elif now > idle_since + LINGER_SECONDS:
                    self._thread = None
                    return
                due = [(each, at) for each, at in self._due.items() if at <= now]
            for each, at in due:
                self._look(each, at)

    def _look(self, watched: Watched, at: float) -> None:
        seconds = watched.look()
        with self._lock:
            if self._due.get(watched) == at:  # else it was left meanwhile, or is to be looked at anew
                if seconds is None:
                    del self._due[watched]
                else:
                    self._due[watched] = monotonic_seconds() + seconds
