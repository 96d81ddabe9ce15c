"""Check what starts a workflow: names, patterns and conditions."""

from __future__ import annotations

from collections.abc import Iterator

from workflowkit.base.errors import ExpressionError, LimitExceeded, Problem
from workflowkit.definition.checks.subject import Subject
from workflowkit.definition.outline import TriggerEntry
from workflowkit.definition.patterns import check_event_pattern

#: What a trigger's condition can read.
CONDITION_VARIABLES = frozenset({"event", "now"})


def check_triggers(subject: Subject) -> Iterator[Problem]:
    """Yield what is wrong with the triggers."""
    triggers, most = subject.parts.triggers, subject.limits.triggers_per_workflow
    if len(triggers) > most:
        error = LimitExceeded("triggers_per_workflow", most, len(triggers))
        yield Problem("/triggers", error.code, error.message)
        return
    seen: set[tuple[str, str | None]] = set()
    for trigger in triggers:
        if (trigger.event, trigger.condition) in seen:
            yield Problem(trigger.pointer, "duplicate-trigger", f"This trigger is there already: {trigger.event}")
        seen.add((trigger.event, trigger.condition))
        if (reason := check_event_pattern(trigger.event)) is not None:
            yield Problem(f"{trigger.pointer}/event", "invalid-event-name", f"{trigger.event}: {reason}")
        if trigger.condition is not None:
            yield from _check_condition(trigger, trigger.condition, subject)


def _check_condition(trigger: TriggerEntry, condition: str, subject: Subject) -> Iterator[Problem]:
    from workflowkit.definition.cel import compile_expression  # most documents have no condition to compile

    pointer = f"{trigger.pointer}/if"
    try:
        expression = compile_expression(condition, limits=subject.limits)
    except ExpressionError as error:
        where = "" if error.position is None else f" (character {error.position + 1})"
        yield Problem(pointer, error.code, f"{error.message}{where}")
        return
    for name in sorted(expression.variables - CONDITION_VARIABLES):
        yield Problem(pointer, "unknown-variable", f"there is no variable {name} here; the event is in event")
