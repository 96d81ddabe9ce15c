"""Undoing a function: it is entered once more to hear how its steps are undone, and then that is done, step by step.

A run of the compensations does both. Its handler is the function's own, which finds the results of the run that is
undone, and goes no further than that run came. What it has said on the way (``compensate=``) is called for the steps
that had completed, the last one first. Each call is a step of the run of compensations, under the id of what it undoes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, NoReturn

from workflowkit.base.errors import NonRetriableError, SecretMissing, StepError, SuspendInterrupt
from workflowkit.engine.channels import Message
from workflowkit.engine.context import AsyncStepContext, StepContext, context_over
from workflowkit.engine.memo import Memo, step_id_of
from workflowkit.engine.recorder import NoInvitations
from workflowkit.engine.session import StepSession
from workflowkit.engine.waits import Wait
from workflowkit.registry import ActionSpec

#: How long other tasks of an asynchronous function may take to come to where they wait, in seconds.
GRACE_SECONDS = 1.0


def undo_handler(spec: ActionSpec, context: StepContext) -> Any:
    """Undo the run of a function; return a coroutine if it is asynchronous."""
    return undo_awaited(spec, context) if isinstance(context, AsyncStepContext) else undo(spec, context)


def undo(spec: ActionSpec, context: StepContext) -> None:
    """Undo the run of a synchronous function.

    Raises ``NonRetriableError`` at the end if something could not be undone, and what ends an attempt.
    """
    past = _Past(context)
    with past.entered():
        spec.handler(past.context)
    for key, function, output in past.to_undo():
        with past.noting(key):
            context.step.run(step_id_of(key), function, output)
    past.report()


async def undo_awaited(spec: ActionSpec, context: AsyncStepContext) -> None:
    """Undo the run of an asynchronous function: see ``undo``."""
    import asyncio

    past, before = _Past(context), asyncio.all_tasks()
    with past.entered():
        await spec.handler(past.context)
    if left := asyncio.all_tasks() - before:
        # Side by side, others may still be on their way to where they waited.
        done, pending = await asyncio.wait(left, timeout=GRACE_SECONDS)
        for task in pending:
            task.cancel()
        for task in done:
            task.cancelled() or task.exception()  # asked for, so that asyncio does not complain
    for key, function, output in past.to_undo():
        with past.noting(key):
            await context.step.run(step_id_of(key), function, output)
    past.report()


class _Past:
    """The run that is undone, and what there is to do about it."""

    def __init__(self, context: StepContext) -> None:
        session = context.session
        undone = session.undone()
        self._memo = Memo()
        for fact in undone.facts:
            if fact.step.partition("/")[0] == session.node_id:
                self._memo.absorb(fact)
        self._session = PastSession(session, self._memo, undone.run_id)
        self.context = context_over(context, self._session, replace(context.run, id=undone.run_id))
        self._failed: list[str] = []

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let the function say what it has to say, up to where it came, or failed, the last time.

        Raises what kept it from reading a secret, where it may be read later.
        """
        try:
            with suppress(SuspendInterrupt, Exception, SystemExit, BaseExceptionGroup):
                yield
        finally:
            self._session.is_over = True
        if self._session.unread is not None:
            # It has not said all that it has to say: that is for another attempt.
            raise self._session.unread

    def to_undo(self) -> Iterator[tuple[str, Callable[[Any], Any], Any]]:
        """Yield the steps that are to be undone, with what does that and their results, the last to complete first."""
        for key in reversed(self._memo.undone):
            if (noted := self._session.undos.get(key)) is None:
                # The code has changed meanwhile: nobody knows how.
                self._failed.append(step_id_of(key))
                continue
            yield key, noted, self._session.outputs.get(key)

    @contextmanager
    def noting(self, key: str) -> Iterator[None]:
        """Note a step that cannot be undone, and go on with the next."""
        try:
            yield
        except StepError:
            self._failed.append(step_id_of(key))

    def report(self) -> None:
        """Raise ``NonRetriableError`` if something could not be undone, ``CodeChanged`` if other code may do it."""
        if self._failed:
            if self._session.changed is not None:
                raise self._session.changed
            raise NonRetriableError(f"not everything could be undone: {', '.join(self._failed)}")


class PastSession(StepSession):
    """The steps of a run that is over: those that have a result give it back, all others end the attempt."""

    holds_tasks = False

    def __init__(self, session: StepSession, memo: Memo, run_id: str) -> None:
        super().__init__(
            session.node_id, memo, _Nothing(), session.now_ms, lambda: 0.0, run_id=run_id, limits=session.limits,
            hooks=session.hooks, is_function=session.is_function, secrets=session.secrets,
        )  # fmt: skip
        self.undos: dict[str, Callable[[Any], Any]] = {}
        self.outputs: dict[str, Any] = {}
        #: Whether the function has come to its end: what undoes its steps may use its context.
        self.is_over = False
        #: Why a secret could not be read, which had been read in the run that is undone.
        self.unread: Exception | None = None
        self.is_async = session.is_async
        self._hands_over = True

    @property
    def is_replaying(self) -> bool:
        """Whether what the function logs and publishes has been said: all of it, until it is over."""
        return not self.is_over

    def check_undoable(self, step_id: str) -> None:
        """Refuse nothing: it was looked at in the run that is undone."""

    def secret(self, name: str) -> str:
        """Return the value of a secret, as it is by now."""
        try:
            return super().secret(name)
        except SecretMissing:
            raise  # as it may have done in the run that is undone
        except Exception as error:
            self.unread = error
            raise

    def note_undo(self, key: str, function: Callable[[Any], Any], output: Any = None) -> None:
        """Keep what undoes a step."""
        self.undos[key], self.outputs[key] = function, output

    def publish(self, message: Message) -> None:
        """Publish nothing: it has been."""

    def callback(self, key: str, until_ms: int) -> NoReturn:
        """End the attempt. Raises ``SuspendInterrupt``."""
        raise SuspendInterrupt


class _Nothing:
    """A recorder for a run that is over."""

    invitations = NoInvitations()

    def opened(self, wait: Wait) -> NoReturn:
        raise SuspendInterrupt

    def __getattr__(self, name: str) -> NoReturn:
        raise SuspendInterrupt
