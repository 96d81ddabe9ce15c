"""The waits of a run in memory: each knows from its beginning what it will come to, and when."""

from __future__ import annotations

from typing import Any

from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.localloops import LocalLoops
from workflowkit.engine.memo import Memo
from workflowkit.engine.outside import Ended, Held, LocalAttempt, Outside
from workflowkit.engine.waits import Wait, WaitKind


class LocalWaits:
    """What the open waits of a run will come to. ``held`` are those of which nobody knows."""

    def __init__(self, outside: Outside, loops: LocalLoops) -> None:
        self._outside, self._loops = outside, loops
        self._ends: dict[str, Ended] = {}
        self.held: list[Held] = []

    def begin(self, attempt: LocalAttempt, wait: Wait) -> Fact:
        """Let a wait begin; return the fact of it."""
        end = self._loops.end(wait) if wait.kind is WaitKind.LOOP else self._outside.wait(attempt, wait)
        if end is None:
            pass  # an item is held, and has said so, or the run is cancelled
        elif isinstance(end, Held):
            self.held.append(end)
        else:
            self._ends[wait.key] = end
        return Fact(FactKind.OPENED, wait.key, detail=wait.detail(), at_ms=attempt.now_ms)

    def give_up(self) -> None:
        """Hold the run by no wait any more: it is cancelled before anybody would have to know what comes of them."""
        self.held = [each for each in self.held if each.wait is None]

    def ended(self, memo: Memo, now_ms: int) -> list[Fact]:
        """Return the facts of a handler's waits that have ended by now."""
        return [
            _fact(wait, end, now_ms)
            for wait in memo.open.values()
            if (end := self._ends.get(wait.key)) is not None and end.at_ms <= now_ms
        ]

    def next_due_ms(self, memo: Memo) -> int | None:
        """Return when a handler that waits can go on; ``None`` if nobody knows."""
        dues = [end.at_ms for key in memo.open if (end := self._ends.get(key)) is not None]
        dues += [fact.retry_at_ms for fact in memo.retries.values() if fact.retry_at_ms is not None]
        return min(dues, default=None)


def _fact(wait: Wait, end: Ended, now_ms: int) -> Fact:
    detail: dict[str, Any] = {"kind": wait.kind.value}
    if end.error is not None:
        return Fact(FactKind.FAILED, wait.key, error=end.error, detail=detail, at_ms=now_ms)
    if end.timed_out:
        detail["timed_out"] = True
    return Fact(FactKind.COMPLETED, wait.key, output=end.output, detail=detail, at_ms=now_ms)
