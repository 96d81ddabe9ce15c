"""``ctx.compensations``, and ``compensate=`` of steps: what undoes the steps of a function, and where it is noted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from workflowkit.base.errors import SuspendInterrupt
from workflowkit.engine.asyncsteps import AsyncSteps
from workflowkit.engine.session import StepSession

if TYPE_CHECKING:
    from workflowkit.engine.resulttypes import P

#: The kind of a step that says how something is undone.
COMPENSATION_STEP = "compensation"


class Compensations:
    """How a synchronous function is undone, besides ``compensate=`` of its steps."""

    __slots__ = ("_session",)

    def __init__(self, session: StepSession) -> None:
        self._session = session

    def add(self, step_id: str, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Have ``function(*args, **kwargs)`` called, as a step, if the run fails or is cancelled later than this.

        A step of its own: once this has returned, no worker that dies changes that. Add it before what it undoes where
        that may have happened without a result.
        """
        add_compensation(self._session, step_id, partial(function, *args, **kwargs))


class AsyncCompensations:
    """How an asynchronous function is undone: ``Compensations``, awaited."""

    __slots__ = ("_session", "_steps")

    def __init__(self, session: StepSession, steps: AsyncSteps) -> None:
        self._session, self._steps = session, steps

    async def add(self, step_id: str, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """See ``Compensations.add``."""
        try:
            add_compensation(self._session, step_id, partial(function, *args, **kwargs))
        except SuspendInterrupt:
            await self._steps.hold()
            raise


def add_compensation(session: StepSession, step_id: str, function: Callable[[], object]) -> None:
    """Record, unless an earlier attempt has, that ``function`` undoes something."""
    session.check_undoable(step_id)
    key = session.begin(step_id, COMPENSATION_STEP)
    if session.result(key, step_id) is None:
        with session.inside(key) as attempt:
            session.record(key, attempt, None, undone=COMPENSATION_STEP)
    session.note_undo(key, lambda _output: function())
