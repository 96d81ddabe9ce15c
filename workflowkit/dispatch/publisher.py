"""Sends hints to the broker, off the threads that answer requests.

One background thread, a bounded queue, short socket timeouts, and a circuit breaker: a broker that hangs or is away
costs nobody anything but time, because the relay repeats what was not sent.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from celery import Celery

from workflowkit.base import forks
from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.settings import DEFAULT_QUEUE
from workflowkit.dispatch.celery_app import EXECUTE_TASK, MATCH_TASK, queue_name
from workflowkit.dispatch.forking import begin_in_child
from workflowkit.dispatch.standin import StandIn
from workflowkit.runtime.hints import StepHint

_log = logging.getLogger(__name__)

#: Hints waiting to be sent; more are dropped, and the relay repeats them.
MAX_WAITING = 10_000
#: Events that one message carries at most: they are matched in one transaction.
EVENTS_PER_MESSAGE = 32
#: How far apart messages about events are kept so that more events share one, and how far if there are some from more
#: than one call: a message costs a worker as much as a step. An event that comes alone is never held back.
GATHER_SECONDS, CROWD_SECONDS = 0.005, 0.02
#: Steps that one message carries at most, and how many messages a fan-out is spread over at least.
STEPS_PER_MESSAGE, MIN_SPREAD = 10, 8
#: How long nothing is sent after the broker failed.
BREAKER_SECONDS = 2.0


class CeleryDispatcher:
    """The ``Dispatcher`` of a process. Its thread begins with the first hint, in a forked child anew.

    What cannot be sent is dropped, or followed by the stand-in that a worker has.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._stand_in: StandIn | None = None
        self._begin()
        forks.register(self._begin_in_child)

    def _begin_in_child(self) -> None:
        self._stand_in = None  # the child is no worker
        self._begin()  # what waits in the parent is sent by the parent
        begin_in_child(self._app)

    def _begin(self) -> None:
        self._event_ids: deque[str] = deque()
        #: How many calls those are of.
        self._calls = 0
        self._messages: deque[list[StepHint]] = deque()
        self._condition = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._closed_until = self._events_sent_at = float("-inf")

    def match(self, event_ids: Sequence[str]) -> None:
        """Hint events; those that wait together travel together."""
        with self._condition:
            if len(self._event_ids) < MAX_WAITING:
                self._event_ids.extend(event_ids)
                self._calls += 1
            self._notify()

    def execute(self, hints: Sequence[StepHint]) -> None:
        """Hint steps, spread over messages so that idle workers get their share."""
        with self._condition:
            if len(self._messages) < MAX_WAITING:
                self._messages.extend(_spread(hints))
            self._notify()

    def let_stand_in(self, stand_in: StandIn) -> None:
        """Let hints be followed in this process whenever they cannot be sent."""
        self._stand_in = stand_in

    def drain(self) -> None:
        """Let no more hints be followed in this process: it is about to end."""
        if self._stand_in is not None:
            self._stand_in.close()

    def queued(self, queue: str = DEFAULT_QUEUE) -> int:
        """Return how many messages wait in a queue; 0 where the broker does not say."""
        if self._is_away():
            return 0
        try:
            with self._app.producer_pool.acquire(block=True) as producer:
                channel: Any = producer.channel
                return int(channel.queue_declare(queue_name(queue), passive=True).message_count)
        except Exception:
            return 0  # the queue does not exist yet, or the broker is away

    def stop(self) -> None:
        """Send what is waiting and end the thread."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join()
        if self._stand_in is not None:
            self._stand_in.stop()

    def _is_away(self) -> bool:
        return monotonic_seconds() < self._closed_until

    def _notify(self) -> None:
        if self._thread is None and not self._stopping:
            thread = threading.Thread(target=self._run, name="workflowkit-publisher", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                # What the hints are about is on record: the next one tries again, and the relay repeats them.
                _log.warning("hints wait for a thread: %s", error)
                return
            self._thread = thread
        self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._stopping or self._event_ids or self._messages)
                if self._stopping and not self._event_ids and not self._messages:
                    return
                self._gather()
                event_ids = [self._event_ids.popleft() for _ in range(min(len(self._event_ids), EVENTS_PER_MESSAGE))]
                self._calls = 0
                messages = list(self._messages)
                self._messages.clear()
            try:
                self._pass_on(event_ids, messages)
            except Exception:
                # SAFETY: I15 — a hint that is lost is repeated; without this thread all that come later would be lost.
                _log.exception("hints were dropped")

    def _pass_on(self, event_ids: list[str], messages: list[list[StepHint]]) -> None:
        with forks.undivided:
            is_sent = self._send(event_ids, messages)
        if not is_sent and self._stand_in is not None:
            # SAFETY: I15 — work goes on without the broker; what was sent all the same is a hint too many.
            self._stand_in.take(event_ids, messages)

    def _gather(self) -> None:
        """Wait a moment for more events if the last message about some has only just gone out."""
        self._wait_for_events(GATHER_SECONDS)
        if self._calls > 1:
            self._wait_for_events(CROWD_SECONDS)

    def _wait_for_events(self, seconds: float) -> None:
        """Wait until so long after the last message about events, unless something has to go out before."""
        if self._event_ids:
            self._condition.wait_for(
                lambda: self._stopping or self._messages or len(self._event_ids) >= EVENTS_PER_MESSAGE,
                max(0.0, self._events_sent_at + seconds - monotonic_seconds()),
            )

    def _send(self, event_ids: list[str], messages: Iterable[list[StepHint]]) -> bool:
        if self._is_away():
            return False
        try:
            with self._app.producer_pool.acquire(block=True) as producer:
                if event_ids:
                    self._events_sent_at = monotonic_seconds()
                    self._app.send_task(
                        MATCH_TASK, (event_ids,), queue=queue_name(DEFAULT_QUEUE), producer=producer, retry=False
                    )
                for hints in messages:
                    body = [[hint.run_id, hint.step_key, hint.queue] for hint in hints]
                    queue = queue_name(hints[0].queue)
                    self._app.send_task(EXECUTE_TASK, (body,), queue=queue, producer=producer, retry=False)
        except Exception as error:
            # Whatever the broker's client raises: a hint that was not sent is repeated by the relay.
            self._closed_until = monotonic_seconds() + BREAKER_SECONDS
            _log.warning("cannot reach the broker, hints pause for %s s: %s", BREAKER_SECONDS, error)
            return False
        return True


def _spread(hints: Sequence[StepHint]) -> list[list[StepHint]]:
    """Return messages for ``hints``: one queue each, a few hints each where there are many."""
    by_queue: dict[str, list[StepHint]] = {}
    for hint in hints:
        by_queue.setdefault(hint.queue, []).append(hint)
    messages = []
    for group in by_queue.values():
        size = max(1, min(STEPS_PER_MESSAGE, len(group) // MIN_SPREAD))
        messages += [group[start : start + size] for start in range(0, len(group), size)]
    return messages
