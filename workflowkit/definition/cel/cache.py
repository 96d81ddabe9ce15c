"""Compiled expressions, least recently used first out, bounded by the text they were made of.

By text and not by number: an environment may have ten thousand short conditions or a hundred long ones, and both the
memory of the closures and the time to make them follow the length of the source.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

_Compiled = TypeVar("_Compiled")


class TextCache(Generic[_Compiled]):
    """A thread-safe cache of at most ``max_chars`` characters of source text, whatever was made of it."""

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars
        self._chars = 0
        self._entries: OrderedDict[tuple[str, Hashable], _Compiled] = OrderedDict()
        self._lock = Lock()

    def get(self, text: str, variant: Hashable, make: Callable[[], _Compiled]) -> _Compiled:
        """Return what ``make`` made of ``text`` in this ``variant``, now or before. Nothing is kept if it raises."""
        key = (text, variant)
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
        # Outside of the lock: two threads may compile the same text once each, and none waits for another.
        compiled = make()
        with self._lock:
            if key not in self._entries:
                self._entries[key] = compiled
                self._chars += len(text)
            while self._chars > self._max_chars and len(self._entries) > 1:
                (oldest, _), _ = self._entries.popitem(last=False)
                self._chars -= len(oldest)
        return compiled

    def __len__(self) -> int:
        return len(self._entries)
