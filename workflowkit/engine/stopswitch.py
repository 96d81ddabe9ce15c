"""A switch that ends a run in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from workflowkit.base.errors import StopInterrupt
from workflowkit.engine.interrupts import Guard


class StopSwitch:
    """Ends a run from another thread: what is executed is interrupted, nothing follows. For one run only."""

    def __init__(self) -> None:
        self._is_thrown = False
        self._guards: dict[Guard, None] = {}

    def throw(self) -> None:
        """End the run, which raises ``StopInterrupt`` where it runs. Any thread; may be repeated."""
        self._is_thrown = True
        for guard in list(self._guards):
            guard.interrupt(StopInterrupt)

    def check(self) -> None:
        """Raise ``StopInterrupt`` if the run is to end."""
        if self._is_thrown:
            raise StopInterrupt

    @contextmanager
    def guard(self) -> Iterator[Guard]:
        """Give the guard for one call of an action."""
        guard = Guard()
        # Added before it is asked, as ``throw`` does it the other way round: no action is overlooked.
        self._guards[guard] = None
        try:
            if self._is_thrown:
                guard.interrupt(StopInterrupt)
            yield guard
        finally:
            del self._guards[guard]
