"""What handlers say about their waits, checked and turned into ``Wait`` values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from workflowkit.base.clock import MAX_EVENT_TS_MS, MIN_EVENT_TS_MS
from workflowkit.base.errors import ExpressionError, InvalidInput, LimitExceeded, NonRetriableError
from workflowkit.base.jsonvalue import check_json, size_bytes, text_fault
from workflowkit.base.limits import Limits
from workflowkit.definition.cel import compile_expression
from workflowkit.definition.correlation import match_condition, plain_path, unmatched_reason
from workflowkit.definition.durations import duration_seconds
from workflowkit.definition.eventdata import unknown_in_event
from workflowkit.definition.patterns import check_event_name
from workflowkit.engine.failures import stored_value
from workflowkit.engine.outcome import EmittedEvent
from workflowkit.engine.waits import (
    CALLBACK_SIGNALS,
    MAX_WAIT_SECONDS,
    RESERVED_SIGNALS,
    Wait,
    WaitKind,
    is_reserved_signal,
)
from workflowkit.typeschema import to_json

#: The name of the event of a run that was started directly, whatever its triggers.
INVOKED_EVENT = "workflow/run.invoked"
#: The same where an app has put it off to the end of another run of its.
FOLLOWING_EVENT = "workflow/run.deferred"
#: The same where a person asked for the run, and where an HTTP request did, which waits for the answer.
REQUESTED_EVENT, CALLED_EVENT = "workflow/run.requested", "workflow/http.requested"
#: The same where an app has begun the run by itself, with a request of its own.
ENDPOINT_EVENT = "workflow/endpoint.requested"
#: A number of seconds, a text such as ``"30s"``, ``"2h"``, ``"7d"``, or a ``timedelta``.
Duration = float | str | timedelta
#: What becomes of an invoked run when the one that invoked it is cancelled.
OnCancel = Literal["cancel", "abandon"]


def seconds_of(duration: Any, what: str) -> float:
    """Return a duration in seconds. Raises ``NonRetriableError`` if it is none, or longer than a year and a day."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else _number(duration)
    if seconds is None or not math.isfinite(seconds) or seconds > MAX_WAIT_SECONDS:
        raise NonRetriableError(
            f"{what}: seconds, text such as '30s' or '7d', or a timedelta, up to 366 days; got {duration!r}"
        )
    return max(0.0, seconds)


def _number(duration: Any) -> float | None:
    if isinstance(duration, bool):
        return None
    if isinstance(duration, int | float):
        return float(duration)
    return duration_seconds(duration) if isinstance(duration, str) else None


def instant_ms(when: Any, now_ms: int) -> int:
    """Return a point in time as milliseconds: a ``datetime`` with a time zone, or RFC 3339 text.

    Raises ``NonRetriableError`` if it is none, or further away than a year and a day.
    """
    try:
        moment = datetime.fromisoformat(when) if isinstance(when, str) else when
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise ValueError
    except ValueError:
        raise NonRetriableError(f"until: a datetime with a time zone, or RFC 3339 text; got {when!r}") from None
    at_ms = round(moment.astimezone(UTC).timestamp() * 1000)
    if at_ms - now_ms > MAX_WAIT_SECONDS * 1000:
        raise NonRetriableError(f"until: at most 366 days ahead; got {when!r}")
    return at_ms


def event_wait(
    key: str,
    event: str,
    *,
    if_: str | None,
    match: str | None,
    equals: tuple[str, Any] | None,
    params: Mapping[str, Any] | None = None,
    timeout: Any,
    lookback: Any,
    now_ms: int,
    limits: Limits,
    are_places_checked: bool = True,
) -> Wait:
    """Return a wait for an event. Raises ``NonRetriableError`` for a bad name, condition or time.

    Unless ``are_places_checked``, it may ask for what no event has, as it may where or when it was written.
    """
    _check_text(event, "/event", limits.event_name_chars)
    found = check_event_name(event, limits.event_name_chars)
    if found is not None and found[0] != "reserved-name":
        raise NonRetriableError(f"event: {found[1]}")
    _check_storable(if_, "if_")
    if params is not None and if_ is None:
        raise NonRetriableError("params are for an if_ that reads them")
    if if_ is not None and match is not None:
        raise NonRetriableError("if_ and match exclude each other: match='data.id' is short for an if_")
    try:
        condition = if_ if match is None else match_condition(match)
        read = frozenset() if condition is None else compile_expression(condition, limits=limits).variables
        pair = None if equals is None else (plain_path(equals[0]), stored_value(equals[1], limits))
        values = None if params is None else stored_value(dict(params), limits)
        if are_places_checked:
            _check_places(if_, (match, equals and equals[0]), limits)
    except (ExpressionError, LimitExceeded, InvalidInput) as error:
        raise NonRetriableError(f"the condition of the wait: {error.message}") from error
    if "params" in read and params is None:
        raise NonRetriableError("the condition of the wait reads params, and there are none")
    lookback_ms = 0 if lookback is None else round(1000 * seconds_of(lookback, "lookback"))
    until_ms = now_ms + round(1000 * seconds_of(timeout, "timeout"))
    return Wait(key, WaitKind.EVENT, until_ms, event, condition, lookback_ms, equals=pair, params=values)


def _check_places(condition: str | None, paths: Iterable[str | None], limits: Limits) -> None:
    """Raise ``ExpressionError`` for what asks for something that no event has: it would be waited for in vain."""
    reasons = [unmatched_reason(path) for path in paths if path]
    if condition is not None:
        read = compile_expression(condition, limits=limits)
        reasons += [
            unknown_in_event(name, f"{variable}.{name}", variable=f"{variable}.")
            for variable, name in sorted(read.members)
            if variable in ("event", "async") and variable in read.variables
        ]
    for reason in filter(None, reasons):
        raise ExpressionError(reason)


def signal_wait(key: str, signal: str, *, timeout: Any, now_ms: int, limits: Limits, replaces: bool = False) -> Wait:
    """Return a wait for a signal. Raises ``NonRetriableError`` for a bad name or time."""
    if not isinstance(signal, str) or not 0 < len(signal) <= limits.event_id_chars:
        raise NonRetriableError(f"signal: text of 1 to {limits.event_id_chars} characters")
    _check_storable(signal, "signal")
    if is_reserved_signal(signal):
        raise NonRetriableError(f"signal: names that begin with {RESERVED_SIGNALS} are reserved")
    until_ms = now_ms + round(1000 * seconds_of(timeout, "timeout"))
    return Wait(key, WaitKind.SIGNAL, until_ms, signal, replaces=replaces)


def callback_wait(key: str, callback_id: Any, now_ms: int, limits: Limits) -> Wait:
    """Return a wait for a callback; how long it takes is the callback's own. Raises ``NonRetriableError``."""
    if not isinstance(callback_id, str) or not 0 < len(callback_id) <= limits.event_id_chars:
        raise NonRetriableError("callback: the id that create_callback returned")
    _check_storable(callback_id, "callback")
    until_ms = now_ms + round(1000 * MAX_WAIT_SECONDS)
    return Wait(key, WaitKind.CALLBACK, until_ms, f"{CALLBACK_SIGNALS}{callback_id}")


def run_wait(
    key: str,
    target: str,
    data: Any,
    *,
    timeout: Any,
    now_ms: int,
    limits: Limits,
    on_cancel: OnCancel = "cancel",
) -> Wait:
    """Return a wait for another run, which begins with it.

    Raises ``NonRetriableError`` for a bad argument, ``InvalidInput`` and ``LimitExceeded`` for its data.
    """
    if on_cancel not in ("cancel", "abandon"):
        raise NonRetriableError(f"on_cancel: 'cancel' or 'abandon'; got {on_cancel!r}")
    _check_storable(target, "what is invoked")
    payload = to_json({} if data is None else data)
    if type(payload) is not dict:
        raise NonRetriableError("the data of an invoked run is an object")
    check_json(payload)
    _check_size(payload, limits)
    seconds = MAX_WAIT_SECONDS if timeout is None else seconds_of(timeout, "timeout")
    until_ms, outlives = now_ms + round(1000 * seconds), on_cancel == "abandon"
    return Wait(key, WaitKind.RUN, until_ms, target, data=payload, outlives_parent=outlives)


def emitted_event(
    name: Any, data: Any, *, event_id: str | None, ts_ms: int | None, limits: Limits, pointer: str = ""
) -> EmittedEvent:
    """Return an event to be sent. Raises ``InvalidInput`` for what no event may be, ``LimitExceeded`` for too much."""
    _check_text(name, f"{pointer}/name", limits.event_name_chars)
    if event_id is not None:
        _check_text(event_id, f"{pointer}/id", limits.event_id_chars)
    if (found := check_event_name(name, limits.event_name_chars)) is not None:
        raise InvalidInput.at(f"{pointer}/name", *found)
    if ts_ms is not None and (type(ts_ms) is not int or not MIN_EVENT_TS_MS <= ts_ms <= MAX_EVENT_TS_MS):
        message = "must be a whole number of milliseconds since 1970, between the years 1980 and 2100"
        raise InvalidInput.at(f"{pointer}/ts", "invalid-timestamp", message)
    return EmittedEvent(name, _payload(data, pointer, limits), event_id, ts_ms)


def _payload(data: Any, pointer: str, limits: Limits) -> dict[str, Any]:
    payload = to_json(data)
    if type(payload) is not dict:
        raise InvalidInput.at(f"{pointer}/data", "not-an-object", "the data of an event is an object")
    check_json(payload)
    _check_size(payload, limits)
    return payload


def addressed_event(
    workflow_id: str, data: Any, *, own_id: str, limits: Limits, name: str = INVOKED_EVENT
) -> EmittedEvent:
    """Return an event that starts a run of one workflow. Raises ``InvalidInput`` and ``LimitExceeded`` for its data."""
    return EmittedEvent(name, _payload(data, "", limits), target=workflow_id, own_id=own_id)


def emitted_events(values: Any, limits: Limits) -> tuple[EmittedEvent, ...]:
    """Return the events of ``ctx.step.send_event``: one event as JSON, or a list of them."""
    listed = [values] if isinstance(values, Mapping) else values
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not all(isinstance(v, Mapping) for v in listed):
        raise NonRetriableError('send_event: an event {"name": ..., "data": ...}, or a list of events')
    if len(listed) > limits.events_per_step:
        raise LimitExceeded("events_per_step", limits.events_per_step, len(listed))
    return tuple(
        emitted_event(
            value.get("name"), value.get("data") or {}, event_id=value.get("id"), ts_ms=value.get("ts"),
            limits=limits, pointer=f"/{index}",
        )
        for index, value in enumerate(listed)
    )  # fmt: skip


def _check_size(payload: dict[str, Any], limits: Limits) -> None:
    if (size := size_bytes(payload)) > limits.event_bytes:
        raise LimitExceeded("event_bytes", limits.event_bytes, size)


def _check_storable(text: Any, what: str) -> None:
    """Raise ``NonRetriableError`` for text that no database can hold.

    SAFETY: I4 — it would fail each time that it is to be written, in the worker's own transaction, and the run never
    end.
    """
    if isinstance(text, str) and (fault := text_fault(text)) is not None:
        raise NonRetriableError(f"{what}: {fault[1]}")


def _check_text(text: Any, pointer: str, max_chars: int) -> None:
    if type(text) is not str or not text:
        raise InvalidInput.at(pointer, "not-text", "must be text with at least one character")
    if len(text) > max_chars:
        raise InvalidInput.at(pointer, "too-long", f"at most {max_chars} characters, got {len(text)}")
    check_json(text)
