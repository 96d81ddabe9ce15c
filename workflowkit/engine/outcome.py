"""What one attempt of an action came to: the value that the executor hands to the planner and the runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.waits import Wait


@dataclass(frozen=True, slots=True)
class EmittedEvent:
    """An event that an action sends. It is stored in the transaction that records the step's result.

    One with a ``target`` is addressed to that workflow, and ``own_id`` is our id of it.
    """

    name: str
    data: dict[str, Any]
    id: str | None = None
    ts_ms: int | None = None
    target: str | None = None
    own_id: str | None = None


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The handler returned. ``stop`` is set by ``ctx.stop()``: the run ends here with ``output``.

    ``is_cached`` marks an output that another run's step had: the handler was not called. ``on_sent`` is called with
    the ids of the events once they are stored, or with the error that kept them from it. ``has_compensation`` says that
    the action has something that undoes it.
    """

    output: Any
    events: tuple[EmittedEvent, ...] = ()
    stop: bool = False
    is_cached: bool = False
    has_compensation: bool = False
    on_sent: Callable[[Sequence[str], BaseException | None], None] | None = field(
        default=None, compare=False, repr=False
    )


@dataclass(frozen=True, slots=True)
class Failed:
    """The handler raised. ``retry_after_seconds``, or else ``retry_at_ms``, is set by ``RetryAfterError``.

    ``events`` are sent if it is not tried again. ``raised`` is what was raised, for the log of this process.
    """

    error: ErrorInfo
    retry_after_seconds: float | None = None
    retry_at_ms: int | None = None
    events: tuple[EmittedEvent, ...] = ()
    raised: BaseException | None = field(default=None, compare=False, repr=False)

    def asked_seconds(self, now_ms: int) -> float | None:
        """Return how long the handler wants to wait, ``None`` if it does not say."""
        return self.retry_after_seconds if self.retry_at_ms is None else (self.retry_at_ms - now_ms) / 1_000


@dataclass(frozen=True, slots=True)
class Suspended:
    """The handler cannot go on before something happens: ``waits`` are those it has just begun.

    ``resume_at_ms`` is when a step of its own is to be tried again, if that is what it waits for. ``missing`` are the
    keys of steps that earlier attempts made and this one did not come to.
    """

    waits: tuple[Wait, ...] = ()
    resume_at_ms: int | None = None
    missing: tuple[str, ...] = ()


Outcome = Succeeded | Failed
#: What one call of a handler may come to.
Attempted = Succeeded | Failed | Suspended
