"""Whether an event is what a wait is for: the same answer in the database, in memory, and in tests."""

from __future__ import annotations

from typing import Any, NamedTuple

from workflowkit.base.errors import ExpressionError, LimitExceeded
from workflowkit.base.limits import Limits
from workflowkit.definition.cel import compile_expression
from workflowkit.definition.correlation import index_key, split, value_at
from workflowkit.engine.waits import Wait


class Correlated(NamedTuple):
    """What a wait asks of an event: the key of what stands at ``path`` (both empty if nothing), and ``rest``."""

    path: str
    key: str
    rest: str | None


def correlate(wait: Wait, event: dict[str, Any], limits: Limits) -> Correlated:
    """Return what a wait of a run that ``event`` started asks of the event that is waited for."""
    if wait.equals is not None:
        path, value = wait.equals
        return Correlated(path, index_key(path, value), wait.condition)
    if wait.condition is None:
        return Correlated("", "", None)
    try:
        found = split(wait.condition, known={"event": event}, policy="full", limits=limits)
    except (ExpressionError, LimitExceeded):
        return Correlated("", "", wait.condition)
    if found.path is None:
        return Correlated("", "", found.rest)
    return Correlated(found.path, index_key(found.path, found.value), found.rest)


def condition_holds(condition: str | None, event: dict[str, Any] | None, later: dict[str, Any], limits: Limits) -> bool:
    """Tell whether what is left of a wait's condition is true of an event that came; a condition that fails is not."""
    if condition is None:
        return True
    try:
        return compile_expression(condition, limits=limits).matches({"event": event, "async": later})
    except (ExpressionError, LimitExceeded):
        return False


def is_awaited(wait: Wait, event: dict[str, Any], later: dict[str, Any], limits: Limits) -> bool:
    """Tell whether ``later`` is what a wait of a run that ``event`` started is for."""
    if later["name"] != wait.name:
        return False
    path, key, rest = correlate(wait, event, limits)
    if path and index_key(path, value_at(later, path)) != key:
        return False
    return condition_holds(rest, event, later, limits)
