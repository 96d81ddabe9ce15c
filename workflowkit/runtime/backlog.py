"""The hints that came with one message, taken one by one, and handed on if that takes too long.

Carrying several hints in one message saves most of the broker's cost while steps are quick. As soon as one is slow, the
rest must not wait behind it: after ``spill_seconds`` they are dispatched singly, to whichever worker is free.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType

from workflowkit.runtime.hints import StepHint

#: Several no-op steps fit into it; nobody notices it as a delay.
SPILL_SECONDS = 0.02


class Backlog:
    """A queue of hints that empties itself into ``spill`` when its worker is busy for too long."""

    def __init__(
        self,
        hints: Sequence[StepHint],
        spill: Callable[[Sequence[StepHint]], None],
        *,
        spill_seconds: float = SPILL_SECONDS,
    ) -> None:
        self._hints = deque(hints)
        self._spill = spill
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        if len(self._hints) > 1:
            self._timer = threading.Timer(spill_seconds, self._hand_on)
            self._timer.daemon = True

    def __enter__(self) -> Backlog:
        if self._timer is not None:
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._hand_on()

    def take(self) -> StepHint | None:
        """Return the next hint, or ``None`` when all are taken or handed on."""
        with self._lock:
            return self._hints.popleft() if self._hints else None

    def take_of(self, run_id: str) -> StepHint | None:
        """Return the next hint if it is about this run."""
        with self._lock:
            return self._hints.popleft() if self._hints and self._hints[0].run_id == run_id else None

    def _hand_on(self) -> None:
        with self._lock:
            left = list(self._hints)
            self._hints.clear()
        if left:
            self._spill(left)
