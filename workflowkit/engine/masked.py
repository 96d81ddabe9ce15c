"""What an attempt that was given secrets came to, without their values: what is recorded, stored, published.

Everything that a handler hands over passes here before it reaches a fact, an event, a message or a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from workflowkit.base import jsonvalue
from workflowkit.base.masking import Mask
from workflowkit.engine.channels import Message
from workflowkit.engine.facts import ErrorInfo, Fact
from workflowkit.engine.outcome import Attempted, EmittedEvent, Failed, Succeeded
from workflowkit.engine.recorder import Invitations, Recorder, Undone
from workflowkit.engine.waits import Wait

_Ended = TypeVar("_Ended", bound=Attempted)


def masked_outcome(outcome: _Ended, mask: Mask) -> _Ended:
    """Return an outcome without the values of secrets."""
    if isinstance(outcome, Succeeded):
        output, events = mask.value(outcome.output), _events(outcome.events, mask)
        return replace(outcome, output=output, events=events)
    if isinstance(outcome, Failed):
        return replace(outcome, error=masked_error(outcome.error, mask), events=_events(outcome.events, mask))
    return replace(outcome, waits=tuple(_wait(wait, mask) for wait in outcome.waits))


def masked_error(error: ErrorInfo, mask: Mask) -> ErrorInfo:
    """Return an error without the values of secrets."""
    return replace(error, name=mask.text(error.name), message=mask.text(error.message), code=mask.text(error.code))


class MaskedRecorder:
    """A ``Recorder`` that hands everything on to another one without the values of secrets."""

    def __init__(self, recorder: Recorder, mask: Mask) -> None:
        self._recorder, self._mask = recorder, mask

    def completed(
        self,
        key: str,
        attempt: int,
        output: Any,
        events: tuple[EmittedEvent, ...] = (),
        messages: tuple[Message, ...] = (),
        *,
        undone: str | None = None,
    ) -> Fact:
        mask = self._mask
        published = tuple(_message(message, mask) for message in messages)
        return self._recorder.completed(
            key, attempt, mask.value(output), _events(events, mask), published, undone=undone
        )

    def failed(self, key: str, attempt: int, error: ErrorInfo, told: Any = None) -> Fact:
        return self._recorder.failed(key, attempt, masked_error(error, self._mask), self._mask.value(told))

    def retry(self, key: str, attempt: int, error: ErrorInfo, retry_at_ms: int) -> Fact:
        return self._recorder.retry(key, attempt, masked_error(error, self._mask), retry_at_ms)

    def opened(self, wait: Wait) -> Wait:
        return self._recorder.opened(_wait(wait, self._mask))

    def callback(self, key: str, until_ms: int) -> Fact:
        return self._recorder.callback(key, until_ms)

    def publish(self, message: Message) -> None:
        self._recorder.publish(_message(message, self._mask))

    def signal(self, name: str, data: Any) -> str | None:
        return self._recorder.signal(self._mask.text(name), self._mask.value(data))

    def hands_over(self) -> bool:
        return self._recorder.hands_over()

    def news(self) -> Sequence[Fact]:
        return self._recorder.news()

    def undone(self) -> Undone:
        return self._recorder.undone()

    @property
    def invitations(self) -> Invitations:
        return self._recorder.invitations


def _events(events: tuple[EmittedEvent, ...], mask: Mask) -> tuple[EmittedEvent, ...]:
    return tuple(
        replace(
            event,
            name=mask.text(event.name),
            data=mask.value(event.data),
            id=None if event.id is None else mask.text(event.id),
        )
        for event in events
    )


def _message(message: Message, mask: Mask) -> Message:
    text = jsonvalue.dumps(mask.value(message.data))
    return replace(message, channel=mask.text(message.channel), topic=mask.text(message.topic), text=text)


def _wait(wait: Wait, mask: Mask) -> Wait:
    equals = None if wait.equals is None else (mask.text(wait.equals[0]), mask.value(wait.equals[1]))
    return replace(
        wait,
        name=mask.text(wait.name),
        condition=None if wait.condition is None else mask.text(wait.condition),
        data=mask.value(wait.data),
        equals=equals,
        params=None if wait.params is None else mask.value(dict(wait.params)),
    )
