"""Outputs that are used again (``settings.cache``), as long as the process lives and has room for them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workflowkit.base import forks
from workflowkit.base.jsonvalue import dumps, loads
from workflowkit.definition.model import Node
from workflowkit.engine.outcome import Succeeded


@dataclass(frozen=True, slots=True)
class _Kept:
    until_ms: int
    text: bytes


class KeptOutputs:
    """Outputs by key, those that were used last; ``max_bytes`` of JSON at most. Thread-safe.

    Losing one costs an execution, and no more.
    """

    def __init__(self, max_bytes: int, now_ms: Callable[[], int]) -> None:
        self._max_bytes, self._now_ms = max_bytes, now_ms
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._size_bytes = 0
        self._lock = forks.lock()

    def find(self, key: str) -> tuple[Any] | None:
        """Return the output that is kept, in a tuple; ``None`` if there is none, or its time is over."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None and found.until_ms <= self._now_ms():
                self._drop(key)
                found = None
            if found is None:
                return None
            self._kept.move_to_end(key)
        return (loads(found.text),)

    def keep_of(self, node: Node, key: str, outcome: Succeeded) -> None:
        """Keep what a node with a cache came to, unless it is more than an output."""
        if node.cache is not None and not outcome.events and not outcome.stop:
            self.keep(key, outcome.output, node.cache.ttl_ms)

    def keep(self, key: str, output: Any, ttl_ms: int) -> None:
        """Keep an output for so long."""
        kept = _Kept(self._now_ms() + ttl_ms, dumps(output).encode())
        with self._lock:
            if key in self._kept:
                self._drop(key)
            self._kept[key] = kept
            self._size_bytes += len(kept.text)
            while self._size_bytes > self._max_bytes:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        self._size_bytes -= len(self._kept.pop(key).text)
