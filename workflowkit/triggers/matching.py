"""Which workflows an event starts: pure, and each workflow judged on its own (E6).

Finding the subscriptions whose pattern covers the event's name is the store's lookup (``patterns_for``); here their
conditions are decided. A condition that cannot be read or evaluated starts nothing and says so, and can neither stop
another workflow nor another trigger of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from workflowkit.base.errors import ExpressionError
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.cel import compile_expression
from workflowkit.definition.model import Json

_MAX_DETAIL_CHARS: Final = 500


class NoMatch(StrEnum):
    """Why a workflow that listens to an event was not started by it."""

    CONDITION_FALSE = "condition-false"
    TRIGGER_ERROR = "trigger-error"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A published workflow that listens to an event by name.

    ``conditions`` has one entry for each of its triggers that covers the name: a CEL expression over ``event``, or
    ``None`` where the name is enough.
    """

    workflow_id: str
    version_id: str
    conditions: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """What an event means to one subscription.

    ``reason`` is ``None`` exactly when ``started``. ``detail`` says what is wrong with the conditions that failed, also
    when a later one started the workflow; it never shows anything of the event.
    """

    subscription: Subscription
    started: bool
    reason: NoMatch | None
    detail: str = ""


def match(
    event: Json,
    subscriptions: Iterable[Subscription],
    *,
    now_ms: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> list[Match]:
    """Decide for each workflow whether ``event`` starts it, in the order given; never raises for a bad condition.

    ``event`` is the event as JSON (``name``, ``data``, ``id``, ``ts`` …). Subscriptions of one version are taken
    together, so that several triggers start it once. Without ``now_ms`` conditions cannot ask for the time.
    """
    variables = {"event": event} if now_ms is None else {"event": event, "now": now_ms}
    return [_decide(subscription, variables, limits) for subscription in _together(subscriptions)]


def _together(subscriptions: Iterable[Subscription]) -> list[Subscription]:
    by_version: dict[tuple[str, str], Subscription] = {}
    for subscription in subscriptions:
        key = (subscription.workflow_id, subscription.version_id)
        if key in by_version:
            conditions = by_version[key].conditions + subscription.conditions
            subscription = Subscription(*key, conditions)
        by_version[key] = subscription
    return list(by_version.values())


def _decide(subscription: Subscription, variables: dict[str, Json], limits: Limits) -> Match:
    started = False
    faults: list[str] = []
    # Each text once: a version may repeat a condition for several event names.
    for condition in dict.fromkeys(subscription.conditions):
        try:
            if condition is None or compile_expression(condition, limits=limits).matches(variables):
                started = True
                break
        except ExpressionError as error:
            faults.append(_describe(error))
    detail = "; ".join(dict.fromkeys(faults))[:_MAX_DETAIL_CHARS]
    if started:
        return Match(subscription, True, None, detail)
    return Match(subscription, False, NoMatch.TRIGGER_ERROR if faults else NoMatch.CONDITION_FALSE, detail)


def _describe(error: ExpressionError) -> str:
    return error.message if error.position is None else f"{error.message} (at character {error.position + 1})"
