"""Check what holds for the whole workflow: timeouts, what cancels a run, and what follows its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workflowkit.base.errors import ExpressionError, LimitExceeded, Problem
from workflowkit.base.jsonvalue import child_pointer
from workflowkit.base.spelling import hint
from workflowkit.definition.checks.durations import check_duration
from workflowkit.definition.checks.expressions import check_expression
from workflowkit.definition.checks.flow import check_flow_control
from workflowkit.definition.checks.subject import Subject
from workflowkit.definition.durations import LONGEST_WAIT_SECONDS, SECOND_MS, duration_ms
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.patterns import check_event_pattern
from workflowkit.definition.settings.reading import mapping, text, text_or_none
from workflowkit.definition.settings.workflow import SETTING_NAMES

LONGEST_WAIT_MS = LONGEST_WAIT_SECONDS * SECOND_MS
#: What the conditions of cancellations can read.
_BOTH_EVENTS = frozenset({"event", "async"})


def check_settings(subject: Subject) -> Iterator[Problem]:
    """Yield what is wrong with the workflow's settings."""
    settings = mapping(subject.document, "settings")
    for name in settings.keys() - SETTING_NAMES:
        message = f"This setting means nothing: {name}{hint(name, SETTING_NAMES)}"
        yield Problem(child_pointer("/settings", name), "unknown-setting", message, "warning")
    timeouts = mapping(settings, "timeouts")
    for name in ("start", "finish"):
        length_ms = duration_ms(timeouts.get(name))
        yield from check_duration(length_ms, f"/settings/timeouts/{name}", SECOND_MS, LONGEST_WAIT_MS)
    yield from _check_cancel_rules(settings, subject)
    yield from check_flow_control(subject, settings)


def _check_cancel_rules(settings: Mapping[str, Json], subject: Subject) -> Iterator[Problem]:
    written, most = settings.get("cancel_on"), subject.limits.cancel_rules_per_workflow
    rules = written if isinstance(written, list) else []
    if len(rules) > most:
        error = LimitExceeded("cancel_rules_per_workflow", most, len(rules))
        yield Problem("/settings/cancel_on", error.code, error.message)
        return
    for index, rule in enumerate(rules):
        if isinstance(rule, dict):
            yield from _check_cancel_rule(rule, f"/settings/cancel_on/{index}", subject)


def _check_cancel_rule(rule: Mapping[str, Json], pointer: str, subject: Subject) -> Iterator[Problem]:
    event = text(rule, "event")
    if event and (reason := check_event_pattern(event)) is not None:
        yield Problem(f"{pointer}/event", "invalid-event-name", f"{event}: {reason}")
    condition, match = text_or_none(rule, "if"), text_or_none(rule, "match")
    if condition is not None and match is not None:
        yield Problem(pointer, "conflicting-keys", "cancel_on: Expected if or match, got both")
    if condition is not None:
        yield from check_expression(condition, f"{pointer}/if", _BOTH_EVENTS, subject.limits, "restricted")
    if match is not None:
        yield from _check_match(match, f"{pointer}/match")
    yield from check_duration(duration_ms(rule.get("timeout")), f"{pointer}/timeout", SECOND_MS, LONGEST_WAIT_MS)


def _check_match(match: str, pointer: str) -> Iterator[Problem]:
    from workflowkit.definition.correlation import match_condition, unmatched_reason  # most have nothing to match

    try:
        match_condition(match)
        if (reason := unmatched_reason(match)) is not None:
            yield Problem(pointer, "unknown-variable", reason)
    except ExpressionError as error:
        yield Problem(pointer, error.code, error.message)
