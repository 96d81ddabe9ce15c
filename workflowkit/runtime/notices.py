"""Notices: a process tells the others, and itself, that there is something new in a channel.

A notice may be lost, late or doubled: whoever follows a channel also looks by itself from time to time. So sending one
waits for nothing and fails silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

Listener = Callable[[Iterable[str]], None]


class Notices(Protocol):
    """How notices travel."""

    def tell(self, channels: Iterable[str]) -> None:
        """Say that there is something new in these channels. Returns at once; any thread."""
        ...

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with the channels of each notice, from some thread; it must return at once.

        To say so again changes nothing.
        """
        ...

    def close(self) -> None:
        """Stop."""
        ...


class LocalNotices:
    """Notices inside of one process."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def tell(self, channels: Iterable[str]) -> None:
        """Call the listeners."""
        for listener in self._listeners:
            listener(channels)

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` from now on."""
        if listener not in self._listeners:
            self._listeners.append(listener)

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def close(self) -> None:
        """Forget the listeners."""
        self._listeners.clear()
