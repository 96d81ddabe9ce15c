"""Run one attempt of an action: call its handler under a guard and turn whatever happens into an outcome.

Nothing that a handler does gets past ``execute`` except the two things that are not about the step: a lost lease, and
Ctrl-C in the main thread. Opens no transaction and must not be called inside one.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from workflowkit.base.errors import (
    ActionTimeout,
    DeadlineInterrupt,
    EngineInterrupt,
    InvalidInput,
    LimitExceeded,
    SuspendInterrupt,
)
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.engine.calling import AttemptFailed, awaited, call_handler, called_between_hooks
from workflowkit.engine.context import StepContext
from workflowkit.engine.failures import failed_by, stored_value, unstorable
from workflowkit.engine.interrupts import Guard
from workflowkit.engine.outcome import Attempted, Failed, Succeeded
from workflowkit.registry import ActionSpec


def execute(
    spec: ActionSpec,
    context: StepContext,
    inputs: Mapping[str, Any],
    *,
    deadline_seconds: float | None,
    guard: Guard | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Attempted:
    """Return what one attempt came to; ``inputs`` are resolved, valid, and the handler's to change.

    Pass a ``guard`` of your own to interrupt the attempt from another thread. A handler that has returned counts as
    succeeded even if its deadline passed meanwhile: what it did is done. ``sys.exit()`` in a handler is a failure like
    any other. Raises only ``LeaseInterrupt``, and ``KeyboardInterrupt`` in the main thread, where it is the user's.
    """
    hooks = context.session.hooks
    if hooks is None:
        return _guarded(spec, context, inputs, deadline_seconds, guard or Guard(), limits)
    try:
        outcome = _guarded(spec, context, inputs, deadline_seconds, guard or Guard(), limits)
    except BaseException as error:  # a lost lease, or Ctrl-C
        hooks.abandoned(error)
        raise
    return hooks.settled(outcome)


def _guarded(
    spec: ActionSpec,
    context: StepContext,
    inputs: Mapping[str, Any],
    deadline_seconds: float | None,
    guard: Guard,
    limits: Limits,
) -> Attempted:
    outcome = None
    try:
        try:
            guard.arm(deadline_seconds)
            outcome = _attempt(spec, context, inputs, guard, limits)
        finally:
            guard.disarm()
        return outcome
    except DeadlineInterrupt as interrupt:
        if guard.reason is not DeadlineInterrupt:
            raise  # of an action that we run inside of
        late = ActionTimeout(f"the action did not finish within {deadline_seconds:g} seconds")
        # With the place at which it was.
        return outcome or _failed(context, late.with_traceback(interrupt.__traceback__))


def _attempt(
    spec: ActionSpec, context: StepContext, inputs: Mapping[str, Any], guard: Guard, limits: Limits
) -> Attempted:
    session = context.session
    outcome = _ended(spec, context, inputs, guard, limits)
    # What a handler does that has caught it is not what the run began.
    return outcome if session.changed is None else _failed(context, session.changed)


def _ended(
    spec: ActionSpec, context: StepContext, inputs: Mapping[str, Any], guard: Guard, limits: Limits
) -> Attempted:
    session = context.session
    try:
        call = _called if session.hooks is None else called_between_hooks
        returned = call(spec, context, inputs, guard)
        if session.is_blocked:  # the handler has caught what should have ended it
            return session.suspended()
        return _success(spec, context, returned, limits)
    except AttemptFailed as ended:
        return ended.failed
    except SuspendInterrupt:
        return session.suspended()
    except EngineInterrupt:
        raise
    except KeyboardInterrupt as error:
        if threading.current_thread() is threading.main_thread():
            raise
        return _failed(context, error)
    except BaseException as error:
        # A handler that waits in one branch and fails in another has failed.
        return _failed(context, error)


def _failed(context: StepContext, error: BaseException) -> Failed:
    if context.session.hooks is not None:
        context.session.hooks.error = error
    return failed_by(error)


def _called(spec: ActionSpec, context: StepContext, inputs: Mapping[str, Any], guard: Guard) -> Any:
    """Call the handler and return what it returns."""
    returned = call_handler(spec, context, inputs)
    return awaited(returned, guard, context.session) if hasattr(returned, "__await__") else returned


def _success(spec: ActionSpec, context: StepContext, returned: Any, limits: Limits) -> Attempted:
    is_stopped = context.is_stopped
    value = context.stop_output if is_stopped else returned
    if value is not None:
        try:
            if spec.binding.encode is not None and not is_stopped and context.session.hooks is None:
                value = spec.binding.encode(value)
            value = stored_value(value, limits)
        except (InvalidInput, LimitExceeded, RecursionError) as error:
            return unstorable(error)
    # On record with the result: whoever ends the run need not have the action's code.
    return Succeeded(value, tuple(context.emitted), is_stopped, has_compensation=spec.compensation is not None)
