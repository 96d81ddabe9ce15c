"""``Middleware``: code of the application around every attempt of an action or a function, and around sending events.

A subclass overrides the hooks that it wants. A new instance is made for each attempt, so it may keep what it likes in
its attributes; for events that are sent outside of any attempt, and for skipped nodes, there is one of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workflowkit.engine.facts import ErrorInfo

if TYPE_CHECKING:
    from workflowkit.engine.context import RunInfo, StepContext


@dataclass(frozen=True, slots=True)
class StepInfo:
    """The step: ``key`` is its name within the run, ``node_id`` its action in the document, ``kind`` the action's."""

    key: str
    node_id: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Failure:
    """What an attempt of a node, or of a step that its handler made, failed with.

    ``exception`` is what was raised, ``None`` if nothing was: the output could not be stored. ``error`` is what will be
    stored of it. ``is_final`` says that there will be no further attempt.
    """

    exception: BaseException | None
    error: ErrorInfo
    is_final: bool


@dataclass(frozen=True, slots=True)
class SkippedNode:
    """A node that a run passed by, and why: ``condition-false``, ``branch-dead``, ``join-not-met``, ``skip-if``,
    ``disabled``."""

    run: RunInfo
    node: StepInfo
    reason: str


class Middleware:
    """Base class: every hook is there and does nothing.

    Hooks of several middlewares are called in the order in which they were registered, those of the application before
    those of the function, and so are the hooks that come after something. A hook that raises fails the attempt with a
    ``MiddlewareError`` that names class and hook. ``transform_input``, ``transform_output`` and the hooks of steps may
    be coroutines where the handler is one; the others never.
    """

    #: The context of the attempt, as the handler gets it. Not there in ``on_skip``, nor for ``wk.send``.
    ctx: StepContext

    # --- an attempt

    def transform_input(self, ctx: StepContext, inputs: dict[str, Any]) -> Any:
        """Change what the handler is about to be given: ``inputs`` in place, and ``ctx.deps.<name> = ...``."""

    def before_memoization(self) -> None:
        """The handler is about to be entered: steps that have a result give it back."""

    def after_memoization(self) -> None:
        """The handler has come to where no attempt was before."""

    def before_execution(self) -> None:
        """What follows is executed for the first time."""

    def after_execution(self) -> None:
        """The handler has returned, has raised, or waits."""

    def transform_output(self, result: Any) -> Any:
        """Return what is stored in place of ``result``, which is JSON. Not called where the handler raised or waits."""
        return result

    def before_response(self) -> None:
        """The attempt is over, and is about to be recorded."""

    # --- the node

    def before_node(self) -> None:
        """An attempt of the node begins."""

    def after_node(self, output: Any) -> None:
        """The node has completed with ``output``."""

    def on_error(self, failure: Failure) -> ErrorInfo | None:
        """An attempt has failed. What is returned is stored in place of ``failure.error``."""

    def on_skip(self, skipped: SkippedNode) -> None:
        """A run has passed a node by. What is raised here is logged: there is no attempt that could fail."""

    # --- the steps of a handler

    def transform_memoized(self, step_id: str, output: Any) -> Any:
        """Return what the handler gets in place of the result that a step has from an earlier attempt."""
        return output

    def before_step(self, step_id: str) -> Any:
        """A step is about to be executed (``ctx.step.run``)."""

    def transform_step_output(self, step_id: str, output: Any) -> Any:
        """Return what is stored in place of what a step returned."""
        return output

    def after_step(self, step_id: str, failure: Failure | None) -> Any:
        """An attempt of a step has ended: its result is stored, or it has failed."""

    # --- events

    def before_send_events(self, events: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        """Return the events that are sent in place of ``events`` (``{"name", "data", "id"?, "ts"?}``), or ``None``
        after changing them in place."""

    def after_send_events(self, ids: Sequence[str], error: BaseException | None) -> None:
        """Events were stored under ``ids``, or could not be because of ``error``."""


#: What ``wk.use`` and ``middleware=[...]`` take: the class, or a function without arguments that makes one.
MiddlewareFactory = Callable[[], Middleware]
