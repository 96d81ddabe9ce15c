"""What is outside of a run in memory: who executes its actions, and what ends its waits.

A run of ``engine.local`` decides as production does; everything that comes from elsewhere it asks an ``Outside`` for.
``Unattended`` is that of ``wk.engine.run``: actions are executed, and nothing ends a wait but its time. Tests and dry
runs have others (``workflowkit.testing``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from workflowkit.definition.model import Json, Node
from workflowkit.engine.context import StepContext
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.outcome import Attempted, Failed, Succeeded
from workflowkit.engine.waits import Wait, WaitKind
from workflowkit.registry import ActionSpec

INVOKE_TIMEOUT = ErrorInfo("InvokeTimeout", "the run has not ended in time", "invoke-timeout", retryable=False)


@dataclass(frozen=True, slots=True)
class LocalAttempt:
    """One attempt at a step, ready to begin. ``inputs`` are resolved and valid, and the caller's to change.

    ``execute`` calls the handler of an action, this step's own or one in its place, and returns what it came to.
    ``started_ms`` is when the run began, ``path`` the part of its document if that follows its end (``COMPENSATE``,
    ``ON_FAILURE``, ``ON_CANCEL``).
    """

    node: Node
    spec: ActionSpec
    inputs: dict[str, Any]
    context: StepContext
    now_ms: int
    started_ms: int
    execute: Callable[[ActionSpec], Attempted] = field(repr=False)
    path: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a wait came to. It ends ``at_ms``, which is not before it began."""

    output: Json = None
    error: ErrorInfo | None = None
    at_ms: int = 0
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """What keeps a run from going on: the action of a node that nobody executes, or a wait that nobody ends.

    ``fetch`` is the key of a step whose HTTP request nobody sends, ``step`` of one that nobody executes; ``note`` says
    more, ``path`` is as of the attempt.
    """

    node_id: str
    kind: str
    wait: Wait | None = None
    note: str = ""
    fetch: str | None = None
    step: str | None = None
    path: str = ""


class Outside(Protocol):
    """Everything that a run in memory does not decide itself. Whatever it raises ends the run with that exception."""

    def attempt(self, attempt: LocalAttempt) -> Attempted | Held:
        """Return what an attempt came to, or why nobody makes it."""
        ...

    def wait(self, attempt: LocalAttempt, wait: Wait) -> Ended | Held:
        """Return what a wait that begins now will come to, or why nobody knows."""
        ...

    def step(self, attempt: LocalAttempt, key: str) -> Succeeded | Failed | Held | None:
        """Return what an attempt at a step comes to that the handler opens; ``None``: it is executed.

        A step that only sends something, which goes nowhere here, goes on if it is held.
        """
        ...

    def fetch(self, attempt: LocalAttempt, key: str, request: str) -> Held | None:
        """Return why nobody sends the HTTP request of a step (``ctx.step.fetch``); ``None``: it is sent."""
        ...

    def coming(self, started_ms: int) -> Sequence[tuple[int, dict[str, Any]]]:
        """Return the events that come to a run which begins then, and when each does."""
        ...

    def coming_after(self, key: str, path: str, now_ms: int) -> Sequence[dict[str, Any]]:
        """Return the events that come now that a step has ended: one of a node, or one that a handler opened."""
        ...


class Unattended:
    """Actions are executed, and nothing ends a wait but its time."""

    def attempt(self, attempt: LocalAttempt) -> Attempted | Held:
        return attempt.execute(attempt.spec)

    def wait(self, attempt: LocalAttempt, wait: Wait) -> Ended | Held:
        return timed_out(wait)

    def step(self, attempt: LocalAttempt, key: str) -> Succeeded | Failed | Held | None:
        return None

    def fetch(self, attempt: LocalAttempt, key: str, request: str) -> Held | None:
        return None

    def coming(self, started_ms: int) -> Sequence[tuple[int, dict[str, Any]]]:
        return ()

    def coming_after(self, key: str, path: str, now_ms: int) -> Sequence[dict[str, Any]]:
        return ()


def timed_out(wait: Wait) -> Ended:
    """Return what a wait comes to by itself."""
    if wait.kind is WaitKind.RUN:
        return Ended(error=INVOKE_TIMEOUT, at_ms=wait.until_ms, timed_out=True)
    return Ended(at_ms=wait.until_ms, timed_out=wait.kind is not WaitKind.SLEEP)
