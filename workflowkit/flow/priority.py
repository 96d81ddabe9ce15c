"""Priority: a head start in seconds over others of the same workflow that wait. Never a class of its own.

Because it is an offset in time, it is bounded: a run with the highest priority cannot pass one that has waited for that
many seconds, so none waits for ever.
"""

from __future__ import annotations

from workflowkit.base.errors import ExpressionError
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.cel import compile_expression
from workflowkit.definition.model import Json
from workflowkit.definition.settings.flow import FlowControl


def priority_seconds(flow: FlowControl, event: Json, *, now_ms: int, limits: Limits = DEFAULT_LIMITS) -> int:
    """Return the head start that the event has, cut to what the settings allow either way, and the limits.

    Never raises: what fails or is no whole number is 0. Texts and booleans are none; 60.0 is 60.
    """
    if flow.priority is None:
        return 0
    try:
        value = compile_expression(flow.priority, limits=limits).evaluate({"event": event, "now": now_ms})
    except ExpressionError:
        return 0
    if type(value) is float and value.is_integer():
        value = int(value)
    most = min(flow.priority_most, limits.priority_seconds)
    return max(-most, min(most, value)) if type(value) is int else 0


def score_ms(queued_at_ms: int, seconds: int) -> int:
    """Return what waiting runs are ordered by, smallest first: when they were queued, less their head start."""
    return queued_at_ms - 1_000 * seconds
