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


class StandIn:
    """Follows hints on threads of this process, as many as the worker has. Thread-safe."""

    def __init__(self, handler: HintHandler, queues: Collection[str], concurrency: int) -> None:
        self._handler = handler
        self._queues = frozenset(queues)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="workflowkit-standin")
        self._room = threading.BoundedSemaphore(concurrency * (1 + WAITING_PER_THREAD))

    def take(self, event_ids: Sequence[str], messages: Iterable[Sequence[StepHint]]) -> None:
        """Follow what is for the queues of this worker."""
        if event_ids and DEFAULT_QUEUE in self._queues:
            self._submit(lambda: self._handler.match(event_ids))
        for hints in messages:
            if hints[0].queue in self._queues:
                self._submit(lambda hints=hints: self._handler.execute(hints))  # type: ignore[misc]

    def stop(self) -> None:
        """Let what has begun come to its end."""
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, follow: Callable[[], None]) -> None:
        if self._room.acquire(blocking=False):
            self._pool.submit(self._follow, follow).add_done_callback(lambda _: self._room.release())

    def _follow(self, follow: Callable[[], None]) -> None:
        try:
            follow()
        except StoreUnavailable as error:
            _log.warning("a hint was dropped: %s", error)
        except Exception:
            _log.exception("a hint could not be followed")
