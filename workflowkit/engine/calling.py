"""Calling a handler: with its inputs as it wants them and, where the application has middleware, between its hooks."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from workflowkit.base.errors import InvalidInput, LimitExceeded, SuspendInterrupt
from workflowkit.engine.context import StepContext
from workflowkit.engine.failures import unstorable
from workflowkit.engine.hooks import Hooks
from workflowkit.engine.interrupts import Guard
from workflowkit.engine.outcome import Failed
from workflowkit.engine.session import StepSession
from workflowkit.engine.undoing import undo_handler
from workflowkit.registry import ActionSpec


class AttemptFailed(Exception):
    """An attempt came to ``failed``, whatever the class of this exception."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.error.message)
        self.failed = failed


class OutputRefused(AttemptFailed):
    """What a handler returned has no JSON form; ``failed`` says so."""


def call_handler(spec: ActionSpec, context: StepContext, inputs: Mapping[str, Any]) -> Any:
    """Return what the handler returns: a coroutine, if it is one."""
    if spec.undoes_steps:
        return undo_handler(spec, context)
    arguments = spec.binding.arguments(inputs)
    positional = (context,) if spec.takes_context else ()
    return spec.handler(*positional, **arguments)


def awaited(coroutine: Awaitable[Any], guard: Guard, session: StepSession) -> Any:
    """Run a coroutine in an event loop of its own, cancelled when the guard is interrupted."""
    from workflowkit.engine.eventloop import run_coroutine  # asyncio: 100 ms, and many workers have no async action

    return run_coroutine(coroutine, guard, session)


def called_between_hooks(spec: ActionSpec, context: StepContext, inputs: Mapping[str, Any], guard: Guard) -> Any:
    """Return what the handler returns, as JSON, and as the middleware wants it to be stored.

    Raises ``OutputRefused`` for what has no JSON form, and whatever the handler or a hook raises.
    """
    hooks = context.session.hooks
    assert hooks is not None  # noqa: S101 - the caller has looked
    given = dict(inputs)
    if spec.is_async:
        return awaited(_called_awaited(spec, context, given, hooks), guard, context.session)
    hooks.begin(context, given)
    try:
        returned = call_handler(spec, context, given)
        if hasattr(returned, "__await__"):
            returned = awaited(returned, guard, context.session)
    except BaseException as error:
        hooks.end_execution(error)
        raise
    hooks.end_execution(None)
    if context.session.is_blocked:
        return None
    return _noted(context, hooks.transform_output(_json_of(spec, context, returned)))


async def _called_awaited(spec: ActionSpec, context: StepContext, inputs: dict[str, Any], hooks: Hooks) -> Any:
    try:
        await hooks.begin_awaited(context, inputs)
        try:
            returned = await call_handler(spec, context, inputs)
        except BaseException as error:
            hooks.end_execution(error)
            raise
        hooks.end_execution(None)
        value = None
        if not context.session.is_blocked:
            value = _noted(context, await hooks.transform_output_awaited(_json_of(spec, context, returned)))
    except BaseException as error:
        await hooks.close_awaited(error)
        raise
    await hooks.close_awaited(SuspendInterrupt() if context.session.is_blocked else None)
    return value


def _json_of(spec: ActionSpec, context: StepContext, returned: Any) -> Any:
    if context.is_stopped:
        return context.stop_output
    if returned is None or spec.binding.encode is None:
        return returned
    try:
        return spec.binding.encode(returned)
    except (InvalidInput, LimitExceeded, RecursionError) as error:
        raise OutputRefused(unstorable(error)) from error


def _noted(context: StepContext, value: Any) -> Any:
    if context.is_stopped:
        context.stop_output = value
    return value
