"""Whether an event is what a wait is for: the same answer in the database, in memory, and in tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from workflowkit.base.errors import ExpressionError, LimitExceeded
from workflowkit.base.jsonvalue import dumps, loads
from workflowkit.base.limits import Limits
from workflowkit.definition.cel import compile_expression
from workflowkit.definition.correlation import index_key, split, value_at
from workflowkit.engine.waits import Wait

#: What a condition begins with that is stored with its parameters.
_BOUND = '{"expr":'


class Correlated(NamedTuple):
    """What a wait asks of an event: the key of what stands at ``path`` (both empty if nothing), and ``rest``.

    ``rest`` is as ``condition_holds`` takes it, together with the values of its parameters.
    """

    path: str
    key: str
    rest: str | None


def correlate(wait: Wait, event: dict[str, Any], limits: Limits) -> Correlated:
    """Return what a wait of a run that ``event`` started asks of the event that is waited for."""
    if wait.equals is not None:
        path, value = wait.equals
        return Correlated(path, index_key(path, value), _bound(wait.condition, wait.params))
    if wait.condition is None:
        return Correlated("", "", None)
    try:
        known = {"event": event, "params": dict(wait.params or {})}
        found = split(wait.condition, known=known, policy="full", limits=limits)
    except (ExpressionError, LimitExceeded):
        return Correlated("", "", _bound(wait.condition, wait.params))
    rest = _bound(found.rest, wait.params)
    if found.path is None:
        return Correlated("", "", rest)
    return Correlated(found.path, index_key(found.path, found.value), rest)


def _bound(text: str | None, params: Mapping[str, Any] | None) -> str | None:
    """Return a condition and its parameters as one text: values stay values, whatever they look like (S1)."""
    if text is None or not (params or text.startswith(_BOUND)):
        return text
    return dumps({"expr": text, "params": dict(params or {})})


def condition_holds(condition: str | None, event: dict[str, Any] | None, later: dict[str, Any], limits: Limits) -> bool:
    """Tell whether what is left of a wait's condition is true of an event that came; a condition that fails is not."""
    if condition is None:
        return True
    text, params = condition, {}
    if condition.startswith(_BOUND):
        bound = loads(condition)
        text, params = bound["expr"], bound["params"]
    try:
        return compile_expression(text, limits=limits).matches({"event": event, "async": later, "params": params})
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
