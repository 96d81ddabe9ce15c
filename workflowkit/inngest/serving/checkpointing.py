"""Several steps in one call: their results are saved on the way, and the call goes on with the next one.

Only plain steps in a row: with anything that waits, fails or goes on side by side the call is answered as ever. What
could not be saved rides in the answer, as if there were no checkpoints.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import InvalidInput, NonRetriableError, Problem, WorkflowKitError
from workflowkit.engine.waitspecs import Duration, seconds_of
from workflowkit.inngest.serving.operations import RUN
from workflowkit.inngest.serving.performing import OPERATIONS, Reply
from workflowkit.inngest.serving.requests import Call

_log = logging.getLogger("workflowkit.serving")

_NS_PER_MS = 1_000_000
#: Most results that are kept back until they are saved.
MAX_BUFFERED_STEPS = 1_000


class CheckpointOptions(TypedDict, total=False):
    """How results are saved on the way."""

    buffered_steps: int
    """How many results are saved together. Default: 1. What is not saved yet is executed again after a crash."""
    max_interval: Duration
    """How long a result is kept back at most, however few there are. Default: until there are enough."""
    max_runtime: Duration
    """After which time a call ends with the step that it is at. Default: never."""


@dataclass(frozen=True, slots=True)
class Checkpointing:
    """How results are saved on the way: 0 seconds stand for no limit."""

    buffered_steps: int = 1
    max_interval_seconds: float = 0.0
    max_runtime_seconds: float = 0.0


#: Saves results of steps, as operations. Raises ``WorkflowKitError`` where that is not possible.
Save = Callable[[Sequence[dict[str, Any]]], None]


def read_checkpointing(given: bool | CheckpointOptions) -> Checkpointing | None:
    """Return how results are saved; ``None`` if they are not. Raises ``InvalidInput``."""
    if given is False:
        return None
    options: CheckpointOptions = {} if given is True else given
    buffered = options.get("buffered_steps", 1)
    if type(buffered) is not int or not 1 <= buffered <= MAX_BUFFERED_STEPS:
        raise _wrong("buffered_steps", f"a whole number from 1 to {MAX_BUFFERED_STEPS}")
    seconds = []
    for name in ("max_interval", "max_runtime"):
        try:
            seconds.append(seconds_of(options.get(name, 0), name))
        except NonRetriableError as error:
            raise _wrong(name, error.message) from error
    return Checkpointing(buffered, *seconds)


def perform_on(
    call: Call, perform: Callable[[Call], Reply], options: Checkpointing, save: Save, now_ms: Callable[[], int]
) -> Reply:
    """Answer a call with ``perform`` as often as that executes a plain step; return the last answer."""
    began_seconds, buffer = monotonic_seconds(), _Buffer(options, save)
    while True:
        step_began_ms = now_ms()
        try:
            reply = perform(call)
        except BaseException:
            buffer.close()
            raise
        item = _plain_step(reply)
        if item is None:
            break
        item["timing"] = {"a": step_began_ms * _NS_PER_MS, "b": (now_ms() - step_began_ms) * _NS_PER_MS}
        elapsed_seconds = monotonic_seconds() - began_seconds
        if 0 < options.max_runtime_seconds <= elapsed_seconds:
            return _with(buffer.close(), [item])
        if not buffer.add(item):
            return _with(buffer.close(), [])
        call = _after(call, item)
    unsaved = buffer.close()
    # What the last answer says comes again: the server asks once more, with the results that it did not have.
    return _with(unsaved, []) if unsaved else reply


def _with(unsaved: list[dict[str, Any]], more: list[dict[str, Any]]) -> Reply:
    return Reply(OPERATIONS, [*unsaved, *more])


def _plain_step(reply: Reply) -> dict[str, Any] | None:
    """Return the step that an answer says the result of, if that is all it says."""
    items = reply.value if reply.status == OPERATIONS else []
    return items[0] if len(items) == 1 and items[0]["op"] == RUN else None


def _after(call: Call, item: dict[str, Any]) -> Call:
    """Return the call that the server would make next."""
    hashed = item["id"]
    steps = {**call.steps, hashed: {"data": item["data"]}}
    return replace(call, steps=steps, stack=(*call.stack, hashed), attempt=0)


class _Buffer:
    """Results that are not saved yet. Thread-safe: they are saved from a thread when their time has come."""

    def __init__(self, options: Checkpointing, save: Save) -> None:
        self._options, self._save = options, save
        self._lock = threading.Lock()
        self._unsaved: list[dict[str, Any]] = []
        self._timer: threading.Timer | None = None
        self._is_broken = False

    def add(self, item: dict[str, Any]) -> bool:
        """Keep a result, and save what is to be saved. Tell whether that is still possible."""
        with self._lock:
            self._unsaved.append(item)
            if len(self._unsaved) >= self._options.buffered_steps:
                self._flush()
            elif self._timer is None and self._options.max_interval_seconds:
                self._timer = threading.Timer(self._options.max_interval_seconds, self._on_time)
                self._timer.daemon = True
                self._timer.start()
            return not self._is_broken

    def close(self) -> list[dict[str, Any]]:
        """Save everything; return what could not be."""
        with self._lock:
            self._flush()
            return self._unsaved

    def _on_time(self) -> None:
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._unsaved or self._is_broken:
            return
        try:
            self._save(tuple(self._unsaved))
        except WorkflowKitError as error:
            _log.warning("results are not saved on the way, but told in the answer: %s", error)
            self._is_broken = True
        else:
            self._unsaved = []


def _wrong(name: str, message: str) -> InvalidInput:
    return InvalidInput([Problem(f"/checkpointing/{name}", "invalid-value", message)])
