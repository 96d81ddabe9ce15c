"""From what a handler raised or returned to what can be stored: an error without a stack, a value that is JSON."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from workflowkit.base.clock import epoch_ms
from workflowkit.base.errors import (
    InvalidInput,
    LimitExceeded,
    RetryAfterError,
    StepError,
    StoreUnavailable,
    WorkflowKitError,
)
from workflowkit.base.jsonvalue import check_json, dumps, loads
from workflowkit.base.limits import Limits
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.outcome import Failed
from workflowkit.typeschema import to_json

#: Longer messages of exceptions are cut.
ERROR_MESSAGE_CHARS = 2_000
ERROR_NAME_CHARS = 200


class WrittenError(Exception):
    """An error as it is written in JSON, raised as if an exception of that name had been."""

    def __init__(self, info: ErrorInfo) -> None:
        super().__init__(info.message)
        self.info = info


def failed_by(error: BaseException) -> Failed:
    """Return the failure that an exception stands for: class name and message, no stack.

    That of a step that ends its handler has the name of what was raised in the step, and says which step it was.
    Exceptions of this package say themselves whether trying again can help; all others are retried.
    """
    if isinstance(error, WrittenError):
        return Failed(error.info, raised=error)
    code, retryable = "action-failed", True
    if isinstance(error, WorkflowKitError):
        code, retryable = error.code, error.retryable
    name, step = type(error).__name__, None
    if isinstance(error, StepError):
        name, step = error.name or name, error.step_id or None
    info = ErrorInfo(
        name=storable(name, ERROR_NAME_CHARS),
        message=storable(message_of(error), ERROR_MESSAGE_CHARS),
        code=code,
        retryable=retryable,
        step=None if step is None else storable(step, ERROR_NAME_CHARS),
    )
    if not isinstance(error, RetryAfterError):
        return Failed(info, raised=error)
    at_ms = _instant_ms(error.at)
    return Failed(info, _delay_seconds(error.delay_seconds) if at_ms is None else None, at_ms, raised=error)


def stored_value(value: Any, limits: Limits) -> Any:
    """Return a value as JSON that shares nothing with what the handler may keep and change.

    Raises ``LimitExceeded`` past ``output_bytes`` or the depth of JSON, ``InvalidInput`` for what is no JSON.
    """
    try:
        check_json(value, max_depth=limits.json_depth, max_bytes=limits.output_bytes)
    except InvalidInput:
        value = to_json(value, max_depth=limits.json_depth, max_values=limits.output_bytes)
        check_json(value, max_depth=limits.json_depth, max_bytes=limits.output_bytes)
    if value is None or type(value) is int or type(value) is bool or type(value) is float:
        return value
    text = dumps(value)
    # Characters are at most bytes, so only long texts are measured exactly.
    if len(text) * 4 > limits.output_bytes and (size := len(text.encode())) > limits.output_bytes:
        raise LimitExceeded("output_bytes", limits.output_bytes, size)
    return loads(text)


def unstorable(error: Exception) -> Failed:
    """Return the failure of a step whose output ``stored_value`` refused."""
    code = "invalid-output"
    if isinstance(error, LimitExceeded):
        code, error = "output-too-large", LimitExceeded("output_bytes", error.maximum, error.actual)
    message = storable(f"the action's output cannot be stored: {message_of(error)}", ERROR_MESSAGE_CHARS)
    return Failed(ErrorInfo("InvalidOutput", message, code=code, retryable=False))


def message_of(error: BaseException) -> str:
    """Return what an exception says to those who see a run, whatever its ``__str__`` does."""
    if isinstance(error, StoreUnavailable):
        return error.message  # its text has what the driver said, which names hosts and users
    try:
        return str(error)
    except Exception:
        return f"a {type(error).__name__} that cannot be shown"


def storable(text: str, max_chars: int) -> str:
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


def _instant_ms(at: Any) -> int | None:
    """Return the wished-for time in milliseconds; ``None`` if it is none, or has no zone and could be any."""
    if not isinstance(at, datetime) or at.tzinfo is None:
        return None
    return epoch_ms(at)
