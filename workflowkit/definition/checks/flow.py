"""Check flow control: bounds, keys, and which settings exclude each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workflowkit.base.errors import Problem, Severity
from workflowkit.definition.checks.durations import check_duration
from workflowkit.definition.checks.expressions import EVENT, EVENT_AND_TIME, check_expression
from workflowkit.definition.checks.subject import Subject
from workflowkit.definition.durations import DAY_MS, MINUTE_MS, SECOND_MS, duration_ms
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.settings.flow import FLOW_NAMES, ConcurrencyMode, Scope, concurrency_entries
from workflowkit.definition.settings.reading import choice, mapping, text_or_none
from workflowkit.definition.settings.triggers import HttpTrigger

#: (setting, key, shortest, longest) of each duration.
_BOUNDS = (
    ("throttle", "period", SECOND_MS, 7 * DAY_MS),
    ("rate_limit", "period", SECOND_MS, DAY_MS),
    ("debounce", "period", SECOND_MS, 7 * DAY_MS),
    ("debounce", "timeout", SECOND_MS, 7 * DAY_MS),
    ("batch", "timeout", SECOND_MS, 7 * DAY_MS),
    ("idempotency", "period", MINUTE_MS, 7 * DAY_MS),
)
_WITH_KEYS = ("throttle", "rate_limit", "debounce", "batch", "singleton", "idempotency")

#: (setting, other setting, severity, why they do not go together). The problem stands at the other setting.
#: Editors have the errors from ``x-excludes`` in the schema of documents.
PAIRS: tuple[tuple[str, str, Severity, str], ...] = (
    ("batch", "debounce", "error", "debounce keeps the last event only, a batch all of them"),
    ("batch", "singleton", "error", "which run an event is for is known only when its batch starts"),
    ("batch", "cancel_on", "error", "a batch has no single event that another one could be held against"),
    ("batch", "priority", "error", "the events of one batch may have different priorities"),
    ("batch", "idempotency", "error", "the events of one batch may have different keys"),
    ("batch", "rate_limit", "error", "the events of one batch may have different keys"),
    ("batch", "timeouts/start", "warning", "a batch starts when it is full or its own timeout is over"),
    ("idempotency", "rate_limit", "warning", "idempotency takes its place"),
    ("singleton", "concurrency", "warning", "one run at a time leaves little to limit"),
)
_MAX_LIMITS = {ConcurrencyMode.STEPS: 2, ConcurrencyMode.RUNS: 1}


def check_flow_control(subject: Subject, settings: Mapping[str, Json]) -> Iterator[Problem]:
    """Yield what is wrong with the flow control in a workflow's settings."""
    for setting, name, least_ms, most_ms in _BOUNDS:
        length_ms = duration_ms(mapping(settings, setting).get(name))
        yield from check_duration(length_ms, f"/settings/{setting}/{name}", least_ms, most_ms)
    yield from _check_expressions(subject, settings)
    yield from _check_concurrency(subject, settings)
    batch, debounce = subject.parts.settings.flow.batch, subject.parts.settings.flow.debounce
    if batch is not None and batch.max_size > subject.limits.batch_events:
        message = f"max_size: Expected at most {subject.limits.batch_events}, got {batch.max_size}"
        yield Problem("/settings/batch/max_size", "invalid-value", message)
    if debounce is not None and debounce.timeout_ms is not None and debounce.timeout_ms < debounce.period_ms:
        message = "timeout: Expected at least the period, for the run is put off that long in any case"
        yield Problem("/settings/debounce/timeout", "invalid-value", message)
    yield from _check_pairs(subject, settings)


def _check_expressions(subject: Subject, settings: Mapping[str, Json]) -> Iterator[Problem]:
    limits = subject.limits
    for setting in _WITH_KEYS:
        if (key := text_or_none(mapping(settings, setting), "key")) is not None:
            yield from check_expression(key, f"/settings/{setting}/key", EVENT, limits)
    if (key := text_or_none(settings, "idempotency")) is not None:
        yield from check_expression(key, "/settings/idempotency", EVENT, limits)
    if (condition := text_or_none(mapping(settings, "batch"), "if")) is not None:
        yield from check_expression(condition, "/settings/batch/if", EVENT_AND_TIME, limits)
    written = settings.get("priority")
    below, priority = ("/by", text_or_none(written, "by")) if isinstance(written, dict) else ("", written)
    if isinstance(priority, str):
        yield from check_expression(priority, f"/settings/priority{below}", EVENT_AND_TIME, limits)
    most = subject.parts.settings.flow.priority_most
    if most > limits.priority_seconds:
        message = f"most: Expected at most {limits.priority_seconds} seconds, got {most}"
        yield Problem("/settings/priority/most", "invalid-value", message)


def _check_concurrency(subject: Subject, settings: Mapping[str, Json]) -> Iterator[Problem]:
    counts = dict.fromkeys(ConcurrencyMode, 0)
    for below, entry in concurrency_entries(settings.get("concurrency")):
        if not isinstance(entry, dict):
            continue
        pointer = f"/settings/concurrency{below}"
        key, scope = text_or_none(entry, "key"), choice(Scope, entry.get("scope"), Scope.WORKFLOW)
        if key is not None:
            yield from check_expression(key, f"{pointer}/key", EVENT, subject.limits)
        elif scope is not Scope.WORKFLOW:
            message = f"A limit for the whole {scope} needs a key that says what shares it, such as \"'mail-server'\""
            yield Problem(pointer, "missing-key", message)
        mode = choice(ConcurrencyMode, entry.get("mode"), ConcurrencyMode.STEPS)
        counts[mode] += 1
        if counts[mode] == _MAX_LIMITS[mode] + 1:
            message = f"At most {_MAX_LIMITS[mode]} of the limits may count {mode}"
            yield Problem(pointer, "invalid-value", message)


def _check_pairs(subject: Subject, settings: Mapping[str, Json]) -> Iterator[Problem]:
    there = {name for name, value in settings.items() if value not in (None, [], {}, 0)}
    there |= {f"timeouts/{name}" for name in mapping(settings, "timeouts")}
    for setting, other, severity, reason in PAIRS:
        if {setting, other} <= there:
            verb = "cannot be combined" if severity == "error" else "has no use together"
            message = f"{other.replace('/', '.')} {verb} with {setting}: {reason}"
            yield Problem(f"/settings/{other}", "conflicting-settings", message, severity)
    if any(isinstance(trigger, HttpTrigger) for trigger in subject.parts.triggers):
        for name in sorted(there & FLOW_NAMES):
            message = f"{name} cannot be combined with a trigger of the kind http, whose run starts at once"
            yield Problem(f"/settings/{name}", "conflicting-settings", message)
