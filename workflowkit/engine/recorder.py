"""Where the steps of a handler are written down, as the engine asks for it.

In production that is the database (``runtime.stepping``), in memory the journal of the run (``engine.localsession``),
and for functions that another server runs its protocol (``inngest.serving.recorder``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from workflowkit.engine.approvals import Letter
from workflowkit.engine.channels import Message
from workflowkit.engine.facts import ErrorInfo, Fact
from workflowkit.engine.outcome import EmittedEvent
from workflowkit.engine.waits import Wait


@dataclass(frozen=True, slots=True)
class Undone:
    """The run that another one undoes: its id and its facts."""

    run_id: str = ""
    facts: Sequence[Fact] = ()


class Invitations(Protocol):
    """How an installation tells people that they are asked for an approval."""

    def invited(self, assignees: Sequence[str]) -> tuple[str, ...]:
        """Return those who get mail."""
        ...

    def send(self, letter: Letter) -> bool:
        """Send a mail; tell whether it was still needed. Raises what an action may raise."""
        ...


class NoInvitations:
    """Tells nobody."""

    def invited(self, assignees: Sequence[str]) -> tuple[str, ...]:
        """Return nobody."""
        return ()

    def send(self, letter: Letter) -> bool:
        """Send nothing."""
        return False


class Recorder(Protocol):
    """Makes facts about the steps of a handler durable. Each method returns after its commit, with the fact.

    Raises ``LeaseInterrupt`` where the attempt is no longer the step's own.
    """

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
        """Keep a result, with what it sends; ``undone`` is the kind of the step if something undoes it."""
        ...

    def failed(self, key: str, attempt: int, error: ErrorInfo, told: Any = None) -> Fact:
        """Keep a failure; ``told`` is what its author says of it besides, as the fact's output."""
        ...

    def retry(self, key: str, attempt: int, error: ErrorInfo, retry_at_ms: int) -> Fact: ...

    def opened(self, wait: Wait) -> Wait:
        """Store a wait that has just begun, and return it as it is stored."""
        ...

    def callback(self, key: str, until_ms: int) -> Fact:
        """Make a URL that can be called once, until then; it is the output of the fact."""
        ...

    def publish(self, message: Message) -> None:
        """Publish a message now, if that is possible: no fact, and nothing depends on it."""
        ...

    def signal(self, name: str, data: Any) -> str | None:
        """Resume the run that waits for a signal; return its id, ``None`` where there are no other runs.

        Raises ``NotFound`` if none waits, ``Conflict`` if the wait has ended.
        """
        ...

    def hands_over(self) -> bool:
        """Tell whether the attempt is to end before its next step: another one goes on from there."""
        ...

    def news(self) -> Sequence[Fact]:
        """Return what others have recorded of the run since this attempt recorded something."""
        ...

    def undone(self) -> Undone:
        """Return the run that this one undoes."""
        ...

    @property
    def invitations(self) -> Invitations:
        """How people are told that they are asked."""
        ...
