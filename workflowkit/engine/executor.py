"""Run one attempt of an action: call its handler under a guard and turn whatever happens into an ``Outcome``.

Nothing that a handler does gets past ``execute`` except the two things that are not about the step: a lost lease, and
Ctrl-C in the main thread. Opens no transaction and must not be called inside one.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import Any

from workflowkit.base.errors import (
    ActionTimeout,
    DeadlineInterrupt,
    EngineInterrupt,
    InvalidInput,
    LimitExceeded,
    RetryAfterError,
    WorkflowKitError,
)
from workflowkit.base.jsonvalue import check_json, dumps, loads
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.engine.context import StepContext
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.interrupts import Guard
from workflowkit.engine.outcome import Failed, Outcome, Succeeded
from workflowkit.registry import ActionSpec
from workflowkit.typeschema import to_json

#: Longer messages of exceptions are cut.
ERROR_MESSAGE_CHARS = 2_000
ERROR_NAME_CHARS = 200


def execute(
    spec: ActionSpec,
    context: StepContext,
    inputs: Mapping[str, Any],
    *,
    deadline_seconds: float | None,
    guard: Guard | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Outcome:
    """Return what one attempt came to; ``inputs`` are resolved, valid, and the handler's to change.

    Pass a ``guard`` of your own to interrupt the attempt from another thread. A handler that has returned counts as
    succeeded even if its deadline passed meanwhile: what it did is done. ``sys.exit()`` in a handler is a failure like
    any other. Raises only ``LeaseInterrupt``, and ``KeyboardInterrupt`` in the main thread, where it is the user's.
    """
    guard = guard or Guard()
    outcome = None
    try:
        try:
            guard.arm(deadline_seconds)
            outcome = _attempt(spec, context, inputs, guard, limits)
        finally:
            guard.disarm()
        return outcome
    except DeadlineInterrupt:
        if guard.reason is not DeadlineInterrupt:
            raise  # of an action that we run inside of
        return outcome or failed_by(ActionTimeout(f"the action did not finish within {deadline_seconds:g} seconds"))


def failed_by(error: BaseException) -> Failed:
    """Return the failure that an exception stands for: class name and message, no stack.

    Exceptions of this package say themselves whether trying again can help; all others are retried.
    """
    code, retryable = "action-failed", True
    if isinstance(error, WorkflowKitError):
        code, retryable = error.code, error.retryable
    info = ErrorInfo(
        name=_storable(type(error).__name__, ERROR_NAME_CHARS),
        message=_storable(_message_of(error), ERROR_MESSAGE_CHARS),
        code=code,
        retryable=retryable,
    )
    return Failed(info, _delay_seconds(error.delay_seconds) if isinstance(error, RetryAfterError) else None)


def _attempt(
    spec: ActionSpec, context: StepContext, inputs: Mapping[str, Any], guard: Guard, limits: Limits
) -> Outcome:
    try:
        arguments = spec.binding.arguments(inputs)
        positional = (context,) if spec.takes_context else ()
        returned = spec.handler(*positional, **arguments)
        if hasattr(returned, "__await__"):
            returned = _run_coroutine(returned, guard)
        return _success(spec, context, returned, limits)
    except EngineInterrupt:
        raise
    except KeyboardInterrupt as error:
        if threading.current_thread() is threading.main_thread():
            raise
        return failed_by(error)
    except BaseException as error:
        return failed_by(error)


def _run_coroutine(coroutine: Awaitable[Any], guard: Guard) -> Any:
    """Run a coroutine in an event loop of its own, cancelled when the guard is interrupted."""
    import asyncio  # 100 ms, and many workers have no async action

    async def supervised() -> Any:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def cancel() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the coroutine has ended
                loop.call_soon_threadsafe(task.cancel)  # type: ignore[union-attr]

        guard.cancel_with(cancel)
        return await coroutine

    try:
        with asyncio.Runner() as runner:
            return runner.run(supervised())
    except asyncio.CancelledError:
        if guard.reason is not None:
            raise guard.reason from None
        raise


def _success(spec: ActionSpec, context: StepContext, returned: Any, limits: Limits) -> Outcome:
    is_stopped = context.is_stopped
    value = context.stop_output if is_stopped else returned
    if value is not None:
        try:
            if spec.binding.encode is not None and not is_stopped:
                value = spec.binding.encode(value)
            value = _plain(value, limits)
        except LimitExceeded as error:
            return _invalid_output("output-too-large", LimitExceeded("output_bytes", error.maximum, error.actual))
        except (InvalidInput, RecursionError) as error:
            return _invalid_output("invalid-output", error)
    return Succeeded(value, tuple(context.emitted), is_stopped)


def _plain(value: Any, limits: Limits) -> Any:
    """Return the value as JSON that shares nothing with what the handler may keep and change."""
    try:
        check_json(value, max_depth=limits.json_depth, max_bytes=limits.output_bytes)
    except InvalidInput:
        value = to_json(value, max_depth=limits.json_depth, max_values=limits.output_bytes)
        check_json(value, max_depth=limits.json_depth, max_bytes=limits.output_bytes)
    if type(value) is int or type(value) is bool or type(value) is float:
        return value
    text = dumps(value)
    # Characters are at most bytes, so only long texts are measured exactly.
    if len(text) * 4 > limits.output_bytes and (size := len(text.encode())) > limits.output_bytes:
        raise LimitExceeded("output_bytes", limits.output_bytes, size)
    return loads(text)


def _invalid_output(code: str, error: Exception) -> Failed:
    message = _storable(f"the action's output cannot be stored: {_message_of(error)}", ERROR_MESSAGE_CHARS)
    return Failed(ErrorInfo("InvalidOutput", message, code=code, retryable=False))


def _message_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return f"a {type(error).__name__} that cannot be shown"


def _storable(text: str, max_chars: int) -> str:
    """Return text that every database takes: no NUL, no lone surrogates, not too long."""
    clean = text[:max_chars].encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    return clean if len(text) <= max_chars else clean[: max_chars - 1] + "…"


def _delay_seconds(delay: Any) -> float | None:
    """Return the wished-for delay in seconds; ``None``, which means the usual backoff, if it is no duration."""
    if isinstance(delay, timedelta):
        return delay.total_seconds()
    if isinstance(delay, int | float) and math.isfinite(delay):
        return float(delay)
    return None
