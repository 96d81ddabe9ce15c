"""What the waits of a run under test come to: an event that really matches, or what a stub says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workflowkit.base.errors import InvalidInput, InvalidStub, LimitExceeded
from workflowkit.base.limits import Limits
from workflowkit.engine.approvals import Verdict
from workflowkit.engine.awaiting import is_awaited
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.failures import failed_by, stored_value
from workflowkit.engine.outside import Ended, Held, LocalAttempt, timed_out
from workflowkit.engine.waits import Wait, WaitKind
from workflowkit.testing.stubs import Answer, EventStub, Marker, Stubs

Ask = Callable[[str, Any], Answer]


def end_of(
    wait: Wait, attempt: LocalAttempt, stubs: Stubs, ask: Ask, limits: Limits, came: Mapping[int, int]
) -> Ended | Held:
    """Return what a wait that begins now comes to; why nobody knows, if it has no stub.

    An event of the test that matches comes first (``came``: see ``comings``), then the stub of the step, then that of
    the signal or of the run.
    """
    if wait.kind is WaitKind.SLEEP:
        return timed_out(wait)
    if wait.kind is WaitKind.EVENT and (found_event := _matching(wait, attempt, stubs, limits, came)) is not None:
        return found_event
    found = _stub_for(wait, attempt, stubs)
    if found is None:
        return Held(attempt.node.id, attempt.node.kind, wait, _note(wait, stubs), path=attempt.path)
    return _said(wait, attempt, ask(*found), limits)


def comings(stubs: Stubs, started_ms: int, came: Mapping[int, int]) -> list[tuple[int, int, EventStub]]:
    """Return the test's events in order, with when each comes and its number; ``came`` has when those came, by number,
    that come after a step. Those that have not come yet are left out."""
    timed = ((number, each) for number, each in enumerate(stubs.events) if each.after_step is None)
    found = [(started_ms + each.after_ms, number, each) for number, each in timed]
    found += [(at_ms, number, stubs.events[number]) for number, at_ms in came.items()]
    return sorted(found, key=lambda coming: coming[:2])


def _matching(wait: Wait, attempt: LocalAttempt, stubs: Stubs, limits: Limits, came: Mapping[int, int]) -> Ended | None:
    """Return the first of the test's events that the wait is for: those that come while it is open, or looked back."""
    event = attempt.context.event
    for at_ms, number, each in comings(stubs, attempt.started_ms, came):
        # What comes in the same moment in which the wait begins comes after it.
        if not attempt.now_ms - wait.lookback_ms <= at_ms < wait.until_ms:
            continue
        later = as_event(each.as_json(at_ms, number), limits)
        if is_awaited(wait, event, later, limits):
            return Ended(later, at_ms=max(attempt.now_ms, at_ms))
    for number, each in enumerate(stubs.events):
        is_open = each.after_step is not None and number not in came
        if is_open and is_awaited(wait, event, as_event(each.as_json(attempt.now_ms, number), limits), limits):
            raise InvalidStub(
                f"event {each.name!r}, after={each.after!r}: {wait.key!r} waits for it already, and has to know when "
                "it comes: say so by a time"
            )
    return None


def _stub_for(wait: Wait, attempt: LocalAttempt, stubs: Stubs) -> tuple[str, Any] | None:
    if (found := stubs.of_step(wait.key, attempt.path)) is not None:
        return found
    named: Mapping[str, Any] = {WaitKind.SIGNAL: stubs.signals, WaitKind.RUN: stubs.invokes}.get(wait.kind, {})
    if wait.name in named:
        return f"{wait.kind.value} {wait.name}", named[wait.name]
    found = stubs.of_action(attempt.node.id, attempt.node.kind, attempt.path)
    return found if found is not None and found[1] is Marker.TIMEOUT else None


def _said(wait: Wait, attempt: LocalAttempt, answer: Answer, limits: Limits) -> Ended:
    at_ms = attempt.now_ms + round(1000 * answer.after_seconds)
    if answer.marker is Marker.REAL:
        raise InvalidStub(f"the stub for {wait.key!r}: Real stands for actions that are executed, and this waits")
    if answer.error is not None:
        return Ended(error=_error(wait, answer.error), at_ms=at_ms)
    value = answer.value
    if wait.kind is WaitKind.EVENT and isinstance(value, EventStub):
        at_ms += value.after_ms
    if answer.marker is Marker.TIMEOUT or at_ms >= wait.until_ms or (wait.kind is WaitKind.EVENT and value is None):
        return timed_out(wait)
    if wait.kind is WaitKind.EVENT:
        return Ended(_stubbed_event(wait, attempt, value, at_ms, limits), at_ms=at_ms)
    try:
        return Ended(stored_value(_received(wait, value), limits), at_ms=at_ms)
    except (InvalidInput, LimitExceeded, RecursionError) as error:
        raise InvalidStub(f"the stub for {wait.key!r} gives what is no JSON: {error}") from error


def _received(wait: Wait, value: Any) -> Any:
    """Return what a handler is given that waited for ``value``."""
    if wait.kind is WaitKind.CALLBACK:
        return {"received": True, "data": value}
    if wait.kind is not WaitKind.APPROVAL:
        return value
    decided = {"status": value} if isinstance(value, str) else value
    if not isinstance(decided, Mapping) or decided.get("status") not in set(Verdict):
        raise InvalidStub(
            f'the stub for {wait.key!r}: "approved", "rejected", {{"status", "data"}} or Timeout, got {value!r}'
        )
    return {"decisions": [], "data": None, **decided}


def _stubbed_event(wait: Wait, attempt: LocalAttempt, value: Any, at_ms: int, limits: Limits) -> dict[str, Any]:
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        value = EventStub(value["name"], value.get("data") or {}, id=value.get("id"))
    if not isinstance(value, EventStub):
        raise InvalidStub(f'the stub for {wait.key!r}: EventStub(name, data), {{"name", "data"}} or Timeout')
    event = as_event(value.as_json(at_ms), limits)
    if not is_awaited(wait, attempt.context.event, event, limits):
        raise InvalidStub(
            f"the stub for {wait.key!r} is not what it waits for: event {wait.name!r}"
            + (f" if {wait.condition}" if wait.condition else "")
            + (f" with {wait.equals[0]} equal to {wait.equals[1]!r}" if wait.equals else "")
        )
    return event


def as_event(event: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Return an event as it would be stored. Raises ``InvalidStub``."""
    try:
        plain: dict[str, Any] = stored_value(event, limits)
    except (InvalidInput, LimitExceeded, RecursionError) as error:
        raise InvalidStub(f"event {event['name']!r} is no JSON: {error}") from error
    return plain


def _error(wait: Wait, error: Exception) -> ErrorInfo:
    cause = failed_by(error).error
    if wait.kind is not WaitKind.RUN:
        return ErrorInfo(cause.name, cause.message, cause.code, retryable=False)
    return ErrorInfo(cause.name, f"run of {wait.name} failed: {cause.message}", "invoked-run-failed", retryable=False)


def _note(wait: Wait, stubs: Stubs) -> str:
    named = sum(each.name == wait.name for each in stubs.events) if wait.kind is WaitKind.EVENT else 0
    if not named:
        return ""
    return f"{named} event{'s' * (named > 1)} of this name came, and not while it waited, or without matching"
