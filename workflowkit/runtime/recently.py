"""What a process has noticed a moment ago, and what it therefore does at once: only ever a guess at what is quicker."""

from __future__ import annotations

from collections.abc import Hashable

#: How long something counts as recent.
RECENT_MS = 1_000
#: Most keys that are remembered.
REMEMBERED_KEYS = 1_000


class Recently:
    """Keys that were noted a moment ago. Thread-safe."""

    def __init__(self) -> None:
        self._until_ms: dict[Hashable, int] = {}

    def note(self, key: Hashable, *, now_ms: int) -> None:
        """Remember a key for a while."""
        if len(self._until_ms) >= REMEMBERED_KEYS:
            self._until_ms.clear()
        self._until_ms[key] = now_ms + RECENT_MS

    def has(self, key: Hashable, *, now_ms: int) -> bool:
        """Tell whether a key was noted a moment ago."""
        return self._until_ms.get(key, 0) > now_ms
