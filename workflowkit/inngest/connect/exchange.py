"""The side of a call that waits: a request is placed with a connected worker, and its reply collected.

The waiting thread holds nothing but itself: the lease of its step is renewed as always, its deadline and a cancellation
interrupt it, and whatever becomes of it, the request is dropped.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from workflowkit.base import forks
from workflowkit.base.clock import sleep
from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.ids import new_id
from workflowkit.base.jsonvalue import dumps
from workflowkit.base.limits import Limits
from workflowkit.engine.context import StepContext
from workflowkit.inngest.addresses import Address
from workflowkit.inngest.carriers import Call
from workflowkit.inngest.naming import own_id
from workflowkit.inngest.replies import RawReply, failure
from workflowkit.runtime.notices import Notices
from workflowkit.runtime.workerrequests import WorkerRequests, request_channel
from workflowkit.store.workerrequests import RequestState, WorkerRequest

_log = logging.getLogger(__name__)

Result = TypeVar("Result")

#: How often a request is looked at: the bound on how late a reply is found whose notice is lost.
LOOK_SECONDS = 0.5
#: How long a step waits for a worker before it looks by itself; when a worker comes, it is woken.
UNWOKEN_MS = 600_000


class Exchange:
    """The requests of one process. Thread-safe."""

    def __init__(self, requests: WorkerRequests, notices: Notices, limits: Limits) -> None:
        self._requests, self._limits = requests, limits
        self._lock = forks.lock()
        self._waiting: dict[str, threading.Event] = {}
        notices.listen(self._notice)
        forks.register(self._begin_in_child)

    def _begin_in_child(self) -> None:
        self._waiting.clear()

    def send(self, context: StepContext, address: Address, call: Call) -> RawReply:
        """Return what a worker answers.

        Raises ``SuspendInterrupt`` where no worker takes the call: the step goes on when one does, and no attempt has
        been used up. Raises ``AttemptFailed`` where one worker after the other fell silent.
        """
        session = context.session
        request = WorkerRequest(
            new_id(session.now_ms()), context.run.environment, own_id(address.app), address.app, address.slug,
            context.run.id, session.node_id, call.generation, call.hashed, call.job_id, dumps(call.payload),
        )  # fmt: skip
        placed = _persistently(lambda: self._requests.place(request))
        reply = None if placed is None else self._collect(placed)
        if reply is None:
            session.block_until(session.now_ms() + UNWOKEN_MS)
            raise AssertionError("unreachable: blocking raises")
        return reply

    def _collect(self, request: WorkerRequest) -> RawReply | None:
        """Return the reply; ``None`` if the worker is gone, and there is no other."""
        with self._listening(request.id) as noticed:
            try:
                while True:
                    state, is_overdue = _persistently(lambda: self._requests.look(request.id))
                    if state is None:
                        raise failure("RequestLost", "the request was given up", "connect-request-lost")
                    if state.reply is not None:
                        return _raw(state.reply)
                    if is_overdue and not self._again(request, state):
                        return None
                    noticed.wait(LOOK_SECONDS)
                    noticed.clear()
            finally:
                self._drop(request)

    def _again(self, request: WorkerRequest, state: RequestState) -> bool:
        """Place a request with another worker; tell whether there was one."""
        if state.placed_count > self._limits.lost_attempts:
            raise failure(
                "WorkerLost", f"{state.placed_count} workers fell silent while they executed this",
                "connect-worker-stopped-responding",
            )  # fmt: skip
        return _persistently(lambda: self._requests.place_again(request, state.connection_id))

    def _drop(self, request: WorkerRequest) -> None:
        try:
            self._requests.drop(request)
        except StoreUnavailable as error:  # it expires
            _log.warning("run %s: a request stays behind: %s", request.run_id, error)

    @contextmanager
    def _listening(self, request_id: str) -> Iterator[threading.Event]:
        event, channel = threading.Event(), request_channel(request_id)
        with self._lock:
            self._waiting[channel] = event
        try:
            yield event
        finally:
            with self._lock:
                del self._waiting[channel]

    def _notice(self, channels: Iterable[str]) -> None:
        for channel in channels:
            event = self._waiting.get(channel)
            if event is not None:
                event.set()


def _persistently(call: Callable[[], Result]) -> Result:
    """Return what a call returns, as soon as the database answers: what a worker does is not to be done in vain.

    The deadline of the step, or the end of its lease, interrupts it.
    """
    while True:
        try:
            return call()
        except StoreUnavailable as error:
            _log.warning("a call of a connected worker waits for the database: %s", error)
            sleep(LOOK_SECONDS)


def _raw(reply: object) -> RawReply:
    assert isinstance(reply, dict)  # noqa: S101 - as ``frames.reply_of`` writes it
    return RawReply(reply["status"], reply["headers"], reply["body"].encode())
