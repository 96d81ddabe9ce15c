"""Compiled expressions, least recently used first out, bounded by weight.

By weight and not by number: an environment may have ten thousand short conditions or a hundred long ones, and both the
memory of the closures and the time to make them follow the length of the source.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from workflowkit.base import forks

_Value = TypeVar("_Value")


class WeightedCache(Generic[_Value]):
    """A thread-safe cache whose entries weigh at most ``max_weight`` together; one heavier than that is kept alone."""

    def __init__(self, max_weight: int) -> None:
        self._max_weight = max_weight
        self._weight = 0
        self._entries: OrderedDict[Hashable, tuple[_Value, int]] = OrderedDict()
        self._lock = forks.lock()

    def get(self, key: Hashable, make: Callable[[], tuple[_Value, int]]) -> _Value:
        """Return what ``make`` made for ``key``, now or before; it gives the value and its weight, or raises."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key][0]
        # Outside of the lock: two threads may make the same value once each, and none waits for another.
        value, weight = make()
        with self._lock:
            if key not in self._entries:
                self._entries[key] = (value, weight)
                self._weight += weight
            while self._weight > self._max_weight and len(self._entries) > 1:
                _, (_, freed) = self._entries.popitem(last=False)
                self._weight -= freed
        return value

    def __len__(self) -> int:
        return len(self._entries)
