"""What surrounds one attempt: the application's middleware, and the dependencies that it provides.

There is none of this where an application uses neither: ``StepSession.hooks`` is then ``None``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from workflowkit.base.errors import ActionError, LeaseInterrupt, MiddlewareError, SuspendInterrupt
from workflowkit.base.masking import Mask
from workflowkit.engine.chain import Chain
from workflowkit.engine.deps import Deps, Provider
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.failures import failed_by, message_of
from workflowkit.engine.middleware import Failure, MiddlewareFactory
from workflowkit.engine.outcome import Attempted, Failed, Succeeded, Suspended

_log = logging.getLogger("workflowkit.middleware")

#: Says of a failure whether the attempt is followed by another.
WillRetry = Callable[[Failed], bool]


class Hooks:
    """The surroundings of one attempt. Thread-safe as far as the middlewares are: branches of a handler share it."""

    def __init__(
        self,
        factories: Sequence[MiddlewareFactory],
        providers: Mapping[str, Provider],
        will_retry: WillRetry,
        *,
        is_async: bool,
    ) -> None:
        self.deps = Deps(providers, is_async=is_async)
        #: What the handler raised, or whatever else ended the attempt.
        self.error: BaseException | None = None
        #: The first error of a hook: it fails the attempt even if the handler caught it.
        self.broken: MiddlewareError | None = None
        self._factories, self._will_retry = factories, will_retry
        self._chain = Chain(())
        self._is_new = False
        self._are_deps_closed = False
        self._mask: Mask | None = None

    # --- around the call of the handler

    def begin(self, ctx: Any, inputs: dict[str, Any]) -> None:
        """Call the hooks that come before a handler."""
        self._begin(ctx)
        with self._noting():
            self._chain.each("transform_input", ctx, inputs)
        self._entering(ctx)

    async def begin_awaited(self, ctx: Any, inputs: dict[str, Any]) -> None:
        """``begin``, for a coroutine."""
        self._begin(ctx)
        with self._noting():
            await self._chain.each_awaited("transform_input", ctx, inputs)
        self._entering(ctx)

    def _begin(self, ctx: Any) -> None:
        with self._noting():
            self._chain = Chain.made(self._factories)
        self._chain.introduce(ctx)
        self._mask = ctx.session.mask

    def _entering(self, ctx: Any) -> None:
        self._each("before_node")
        self._each("before_memoization")
        if not ctx.session.is_replaying:
            self.enter_new()

    def enter_new(self) -> None:
        """Note that the handler has come to where no attempt was before. Only the first call has an effect."""
        if not self._is_new:
            self._is_new = True
            self._each("after_memoization")
            self._each("before_execution")

    def end_execution(self, error: BaseException | None) -> None:
        """Call the hooks that come right after a handler."""
        self.error = error
        if not isinstance(error, LeaseInterrupt):
            self.enter_new()
            self._each("after_execution")

    def transform_output(self, value: Any) -> Any:
        """Return what is stored in place of what the handler returned."""
        with self._noting():
            return self._chain.fold("transform_output", value)

    async def transform_output_awaited(self, value: Any) -> Any:
        """``transform_output``, for a coroutine."""
        with self._noting():
            return await self._chain.fold_awaited("transform_output", value)

    async def close_awaited(self, error: BaseException | None) -> None:
        """Close the dependencies of an asynchronous handler, whose event loop is about to end."""
        self._are_deps_closed = True
        await self.deps.aclose(error)

    # --- after the attempt

    def settled(self, outcome: Attempted) -> Attempted:
        """Return what the attempt came to in the end: the dependencies are closed, the last hooks called."""
        outcome = self._closed(outcome if self.broken is None else failed_by(self.broken))
        try:
            if isinstance(outcome, Succeeded):
                self._chain.each("after_node", outcome.output)
            elif isinstance(outcome, Failed):
                outcome = self._told(outcome)
            self._chain.each("before_response")
        except MiddlewareError as error:
            outcome = failed_by(error)
        if isinstance(outcome, Succeeded) and outcome.events and not self._chain.is_empty:
            return replace(outcome, on_sent=self._sent)
        return outcome

    def abandoned(self, error: BaseException) -> None:
        """Close the dependencies of an attempt that was given up."""
        self.error = error
        self._closed(Suspended())

    def _closed(self, outcome: Attempted) -> Attempted:
        if self._are_deps_closed:
            return outcome
        self._are_deps_closed = True
        error = self._ended_with(outcome)
        try:
            self.deps.close(error)
        except Exception as raised:
            if isinstance(outcome, Succeeded):
                self.error = raised
                return failed_by(raised)  # a commit that failed, for example: what was returned is not true
            if raised is not error:
                _log.warning("a dependency could not be closed: %s: %s", type(raised).__name__, self._shown(raised))
        return outcome

    def _ended_with(self, outcome: Attempted) -> BaseException | None:
        """Return what context managers are told: anything but a result is an error to them."""
        if isinstance(outcome, Succeeded):
            return None
        if isinstance(outcome, Failed):
            return self.error or self.broken or ActionError(outcome.error.message)
        return self.error or SuspendInterrupt()

    def _told(self, failed: Failed) -> Failed:
        failure = self._failure(failed, is_final=not self._will_retry(failed))
        error = failed.error
        for replacement in self._chain.replies("on_error", failure):
            if isinstance(replacement, ErrorInfo):
                # What was raised is not shown any more: that may be why there is a replacement.
                error, failed = replacement, replace(failed, raised=None)
        return replace(failed, error=error)

    def _failure(self, failed: Failed, *, is_final: bool) -> Failure:
        return Failure(self.error or self.broken, failed.error, is_final)

    # --- around steps

    def memoized(self, step_id: str, output: Any) -> Any:
        """Return what the handler gets in place of the result of a step that has one."""
        with self._noting():
            return self._chain.fold("transform_memoized", output, step_id)

    def before_step(self, step_id: str) -> None:
        """Call the hooks that come before a step."""
        with self._noting():
            self._chain.each("before_step", step_id)

    async def before_step_awaited(self, step_id: str) -> None:
        """``before_step``, in a coroutine."""
        with self._noting():
            await self._chain.each_awaited("before_step", step_id)

    def step_output(self, step_id: str, output: Any) -> Any:
        """Return what is stored in place of what a step returned."""
        with self._noting():
            return self._chain.fold("transform_step_output", output, step_id)

    async def step_output_awaited(self, step_id: str, output: Any) -> Any:
        """``step_output``, in a coroutine."""
        with self._noting():
            return await self._chain.fold_awaited("transform_step_output", output, step_id)

    def after_step(self, step_id: str, failure: Failure | None = None) -> None:
        """Call the hooks that come after a step."""
        with self._noting():
            self._chain.each("after_step", step_id, failure)

    async def after_step_awaited(self, step_id: str, failure: Failure | None = None) -> None:
        """``after_step``, in a coroutine."""
        with self._noting():
            await self._chain.each_awaited("after_step", step_id, failure)

    # --- around events

    def before_send(self, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the events to be sent in place of these."""
        with self._noting():
            return before_send(self._chain, events)

    def after_send(self, ids: Sequence[str], error: BaseException | None = None) -> None:
        """Tell what became of events that a step has sent."""
        with self._noting():
            self._chain.each("after_send_events", ids, error)

    def _sent(self, ids: Sequence[str], error: BaseException | None) -> None:
        """Tell what became of events that were stored with the attempt's result: nothing can fail any more."""
        try:
            self._chain.each("after_send_events", ids, error)
        except MiddlewareError as raised:
            _log.warning("%s", self._shown(raised))

    # --- errors of hooks

    def _each(self, hook: str) -> None:
        with self._noting():
            self._chain.each(hook)

    def _shown(self, error: BaseException) -> str:
        """Return what an error says, for the log."""
        message = message_of(error)
        return message if self._mask is None else self._mask.text(message)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except MiddlewareError as error:
            if self.broken is None:
                self.broken = error
            raise


def before_send(chain: Chain, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the events to be sent in place of these: copies, which middlewares may change."""
    kept: list[dict[str, Any]] = chain.fold(
        "before_send_events", [{**event} if isinstance(event, Mapping) else event for event in events], keep_none=True
    )
    return kept
