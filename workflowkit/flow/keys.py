"""Keys of controls: what an expression of the settings makes of an event, as text that rows are found by.

A key is evaluated once for each event and then kept: a change of the settings affects later events only. Two values
have one text exactly if they are equal as JSON, so the number 1 and the text ``"1"`` are two keys, and 1 and 1.0 one.

What an unusual result means is up to the control. ``false`` says to rate limit, idempotency and singleton that they do
not apply; to the others it is a value like any other. A failed evaluation makes rate limit and idempotency skip the
event, singleton not apply, and the others share one key.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Protocol

from workflowkit.base import jsonvalue
from workflowkit.base.errors import ExpressionError
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.cel import compile_expression
from workflowkit.definition.model import Json
from workflowkit.definition.settings.flow import FlowControl

#: A longer text is kept as its hash, so that a key fits into an index.
MAX_KEY_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Key:
    """``text`` is what rows are found by; ``fault`` says why the evaluation failed and shows nothing of the event."""

    text: str
    fault: str | None = None

    @property
    def is_false(self) -> bool:
        return self.text == "false"


class _Keyed(Protocol):
    @property
    def key(self) -> str | None: ...


#: The key of a control without an expression: all events share it. No value has this text.
NO_KEY: Final = Key("")
#: The text of every key whose evaluation failed. No value has it either.
INVALID_TEXT: Final = "<invalid>"


@dataclass(frozen=True, slots=True)
class FlowKeys:
    """The keys of one event for the controls of one workflow; ``concurrency`` has one for each limit."""

    concurrency: tuple[Key, ...] = ()
    throttle: Key = NO_KEY
    rate_limit: Key = NO_KEY
    debounce: Key = NO_KEY
    batch: Key = NO_KEY
    singleton: Key = NO_KEY
    idempotency: Key = NO_KEY


def freeze_keys(flow: FlowControl, event: Json, *, limits: Limits = DEFAULT_LIMITS) -> FlowKeys:
    """Return the keys of an event. Never raises.

    ``event`` is the event as JSON, of a batch its first. A control that is not set has ``NO_KEY``.
    """

    def key(control: _Keyed | None) -> Key:
        return evaluate_key(None if control is None else control.key, event, limits=limits)

    return FlowKeys(
        concurrency=tuple(key(each) for each in flow.concurrency),
        throttle=key(flow.throttle),
        rate_limit=key(flow.rate_limit),
        debounce=key(flow.debounce),
        batch=key(flow.batch),
        singleton=key(flow.singleton),
        idempotency=key(flow.idempotency),
    )


def evaluate_key(expression: str | None, event: Json, *, limits: Limits = DEFAULT_LIMITS) -> Key:
    """Return the key that ``expression`` gives the event. Never raises: a failure is in the key's ``fault``.

    Which expressions may stand for a key was decided when the workflow was published.
    """
    if expression is None:
        return NO_KEY
    try:
        value = compile_expression(expression, limits=limits).evaluate({"event": event})
    except ExpressionError as error:
        return Key(INVALID_TEXT, error.message)
    return Key(canonical_text(value))


def canonical_text(value: Json) -> str:
    """Return the text of a key's value: compact JSON, or ``sha256:`` and the hash of it if that is too long."""
    encoded = jsonvalue.canonical(_with_whole_numbers(value))
    text = encoded.decode()
    return text if len(text) <= MAX_KEY_CHARS else f"sha256:{hashlib.sha256(encoded).hexdigest()}"


def holds(condition: str | None, event: Json, *, now_ms: int, limits: Limits = DEFAULT_LIMITS) -> bool:
    """Tell whether the ``if`` of a batch takes the event; one that fails does not, so the event runs alone."""
    if condition is None:
        return True
    try:
        return compile_expression(condition, limits=limits).matches({"event": event, "now": now_ms})
    except ExpressionError:
        return False


def _with_whole_numbers(value: Json) -> Json:
    """Write 1.0 as 1: senders in languages with one type of number spell it either way."""
    if type(value) is float and value.is_integer() and abs(value) <= jsonvalue.MAX_INTEGER:
        return int(value)
    if type(value) is list:
        return [_with_whole_numbers(item) for item in value]
    if type(value) is dict:
        return {name: _with_whole_numbers(item) for name, item in value.items()}
    return value
