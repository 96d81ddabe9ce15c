"""What is made durable by telling it to the server: facts of an attempt, and what goes out of it besides."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from workflowkit.base.errors import WorkflowKitError
from workflowkit.engine.channels import Message
from workflowkit.engine.facts import ErrorInfo, Fact, FactKind
from workflowkit.engine.memo import CALLBACK_STEP
from workflowkit.engine.outcome import EmittedEvent
from workflowkit.engine.recorder import NoInvitations, Undone
from workflowkit.engine.waits import Wait
from workflowkit.inngest.serving.operations import unsupported

_log = logging.getLogger("workflowkit.serving")


class Outlet(Protocol):
    """The server, as far as handlers let something out. Each method raises ``ActionError`` where it does not answer."""

    def send(self, events: Sequence[EmittedEvent]) -> list[str]:
        """Send events with their ids; return the ids under which the server has them."""
        ...

    def start(self, app: str, function: str, data: Any) -> str:
        """Start a run of a function of an app; return its id. Raises ``NotFound`` if there is no such function."""
        ...

    def publish(self, message: Message, run_id: str) -> None:
        """Publish a message of a run."""
        ...

    def signal(self, name: str, data: Any) -> str | None:
        """Resume the run that waits for a signal; return its id. Raises ``NotFound`` if none does."""
        ...


class ServedRecorder:
    """Makes facts that last as long as the attempt."""

    def __init__(self, outlet: Outlet, run_id: str, now_ms: Callable[[], int], undone: Undone | None) -> None:
        self._outlet, self._run_id, self._now_ms = outlet, run_id, now_ms
        self._undone = undone

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
        return Fact(FactKind.COMPLETED, key, attempt, output, at_ms=self._now_ms())

    def failed(self, key: str, attempt: int, error: ErrorInfo, told: Any = None) -> Fact:
        return Fact(FactKind.FAILED, key, attempt, told, error, at_ms=self._now_ms())

    def retry(self, key: str, attempt: int, error: ErrorInfo, retry_at_ms: int) -> Fact:
        return Fact(FactKind.RETRY, key, attempt, error=error, retry_at_ms=retry_at_ms, at_ms=self._now_ms())

    def opened(self, wait: Wait) -> Wait:
        return wait

    def callback(self, key: str, until_ms: int) -> Fact:
        raise unsupported(CALLBACK_STEP)

    def publish(self, message: Message) -> None:
        """Publish a message now; one that cannot be is dropped, for a run goes on without."""
        try:
            self._outlet.publish(message, self._run_id)
        except WorkflowKitError as error:
            _log.warning("run %s: a message is not published: %s", self._run_id, error)

    def signal(self, name: str, data: Any) -> str | None:
        return self._outlet.signal(name, data)

    def hands_over(self) -> bool:
        return False

    def news(self) -> tuple[Fact, ...]:
        return ()

    def undone(self) -> Undone:
        return self._undone or Undone()

    @property
    def invitations(self) -> NoInvitations:
        return NoInvitations()
