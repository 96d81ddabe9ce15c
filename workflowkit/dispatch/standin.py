"""What a worker does while the broker is away: it follows the hints that cannot be sent, its own relay's above all.

So the broker is what makes work start at once and spreads it evenly, and never what it depends on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.settings import DEFAULT_QUEUE
from workflowkit.dispatch.celery_app import HintHandler
from workflowkit.runtime.hints import StepHint

_log = logging.getLogger(__name__)

#: Messages that wait for a thread, for each thread; more are dropped, and the relay repeats them.
WAITING_PER_THREAD = 4


class InTurn:
    """Hands hints on to a worker, so many at a time, whether they come from the broker or from the stand-in.

    Actions may count on it: those of a worker for one step at a time never meet. Thread-safe.
    """

    def __init__(self, handler: HintHandler) -> None:
        self._handler = handler
        self._turns = threading.Semaphore(1)

    def allow(self, concurrency: int) -> None:
        """Say how many, before there are any."""
        self._turns = threading.Semaphore(concurrency)

    def match(self, event_ids: Sequence[str]) -> None:
        """Hand on a hint of events."""
        with self._turns:
            self._handler.match(event_ids)

    def execute(self, hints: Sequence[StepHint]) -> None:
        """Hand on a hint of steps."""
        with self._turns:
            self._handler.execute(hints)


class StandIn:
    """Follows hints on threads of this process, as many as the worker has. Thread-safe."""

    def __init__(self, handler: HintHandler, queues: Collection[str], concurrency: int) -> None:
        self._handler = handler
        self._queues = frozenset(queues)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="workflowkit-standin")
        self._room = threading.BoundedSemaphore(concurrency * (1 + WAITING_PER_THREAD))
        self._is_closed = False

    def take(self, event_ids: Sequence[str], messages: Iterable[Sequence[StepHint]]) -> None:
        """Follow what is for the queues of this worker."""
        if event_ids and DEFAULT_QUEUE in self._queues:
            self._submit(lambda: self._handler.match(event_ids))
        for hints in messages:
            if hints[0].queue in self._queues:
                self._submit(lambda hints=hints: self._handler.execute(hints))  # type: ignore[misc]

    def close(self) -> None:
        """Begin nothing any more: what a worker that ends hands on would come back to it, again and again."""
        self._is_closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def stop(self) -> None:
        """Let what has begun come to its end."""
        self.close()
        self._pool.shutdown()

    def _submit(self, follow: Callable[[], None]) -> None:
        if self._is_closed or not self._room.acquire(blocking=False):
            return
        try:
            self._pool.submit(self._follow, follow).add_done_callback(lambda _: self._room.release())
        except RuntimeError as error:  # closed meanwhile, or there are no threads to be had
            self._room.release()
            _log.warning("a hint was dropped: %s", error)

    def _follow(self, follow: Callable[[], None]) -> None:
        try:
            follow()
        except StoreUnavailable as error:
            _log.warning("a hint was dropped: %s", error)
        except Exception:
            _log.exception("a hint could not be followed")
