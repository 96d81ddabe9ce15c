"""Runs a coroutine handler, and notices when it cannot go on because of its steps.

A step that waits holds its task for ever (``AsyncSteps.hold``). When the loop would sleep although no step is being
executed, all that is left of the handler hangs on such steps: the attempt ends. The loop is asyncio's own; only the
selector is ours, since it is where a loop without work goes to sleep.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
from collections.abc import Awaitable
from typing import Any

from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import SuspendInterrupt
from workflowkit.engine.interrupts import Guard
from workflowkit.engine.session import StepSession

#: How long other tasks of the handler may wait for something outside of steps before its attempt ends all the same.
GRACE_SECONDS = 1.0


def run_coroutine(coroutine: Awaitable[Any], guard: Guard, session: StepSession) -> Any:
    """Return what the coroutine returns. It is cancelled when the guard is interrupted.

    Raises ``SuspendInterrupt`` once it can only wait for its steps.
    """
    session.is_async = True
    selector = _Selector(session)

    async def supervised() -> Any:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - we are inside of it

        def cancel() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the coroutine has ended
                loop.call_soon_threadsafe(task.cancel)

        guard.cancel_with(cancel)
        selector.watch(loop, task)
        return await coroutine

    try:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
            return runner.run(supervised())
    except asyncio.CancelledError:
        if guard.reason is not None:
            raise guard.reason from None
        if session.is_closing:
            raise SuspendInterrupt from None
        raise


class _Selector(selectors.DefaultSelector):
    """A selector that ends the handler's attempt instead of sleeping when there is nothing to wake it."""

    def __init__(self, session: StepSession) -> None:
        super().__init__()
        self._session = session
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._idle_since: float | None = None

    def watch(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
        """Cancel ``task``, the handler, once it can only wait for its steps."""
        self._loop, self._task = loop, task

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        session, loop = self._session, self._loop
        if loop is None or not session.held or session.executing or session.is_closing or timeout == 0:
            self._idle_since = None
            return super().select(timeout)
        left = self._grace_left(loop)
        if left > 0:
            return super().select(left if timeout is None else min(timeout, left))
        self._end()
        return super().select(0)

    def _grace_left(self, loop: asyncio.AbstractEventLoop) -> float:
        """Return how long other tasks may still take, in seconds: nothing if there are none."""
        # One task more than those that are held is the handler itself where it gathers them.
        if len(asyncio.all_tasks(loop)) <= session_tasks(self._session):
            return 0.0
        now = monotonic_seconds()
        if self._idle_since is None:
            self._idle_since = now
        return self._idle_since + GRACE_SECONDS - now

    def _end(self) -> None:
        self._session.is_closing = True
        if self._task is not None:
            self._task.cancel()


def session_tasks(session: StepSession) -> int:
    """Return how many tasks a handler has that does nothing but wait for its steps."""
    return session.held + 1
