"""Check what starts a workflow: names, patterns, conditions and schedules."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING

from workflowkit.base.errors import CronError, LimitExceeded, Problem, UnknownTimezone
from workflowkit.definition.checks.durations import check_duration
from workflowkit.definition.checks.expressions import EVENT_AND_TIME, check_expression
from workflowkit.definition.checks.subject import Subject
from workflowkit.definition.days import Days
from workflowkit.definition.durations import MINUTE_MS, SECOND_MS
from workflowkit.definition.patterns import check_event_pattern
from workflowkit.definition.settings.triggers import (
    AnyTrigger,
    CronTrigger,
    HttpTrigger,
    ManualTrigger,
    Trigger,
    WebhookTrigger,
)

if TYPE_CHECKING:
    from workflowkit.definition.cron import CronSchedule

MAX_JITTER_MS = 5 * MINUTE_MS
MAX_HTTP_WAIT_MS = 5 * MINUTE_MS


def check_triggers(subject: Subject) -> Iterator[Problem]:
    """Yield what is wrong with the triggers."""
    triggers, most = subject.parts.triggers, subject.limits.triggers_per_workflow
    if len(triggers) > most:
        error = LimitExceeded("triggers_per_workflow", most, len(triggers))
        yield Problem("/triggers", error.code, error.message)
        return
    seen: set[Hashable] = set()
    for trigger in triggers:
        identity, name = _identity(trigger)
        if identity in seen:
            yield Problem(trigger.pointer, "duplicate-trigger", f"This trigger is there already: {name}")
        seen.add(identity)
        yield from _check_trigger(trigger, subject)


def _check_trigger(trigger: AnyTrigger, subject: Subject) -> Iterator[Problem]:
    pointer = trigger.pointer
    match trigger:
        case Trigger():
            if (reason := check_event_pattern(trigger.event)) is not None:
                yield Problem(f"{pointer}/event", "invalid-event-name", f"{trigger.event}: {reason}")
        case CronTrigger():
            yield from _check_cron(trigger)
        case HttpTrigger() if trigger.wait_ms:
            yield from check_duration(trigger.wait_ms, f"{pointer}/http/wait", 1, MAX_HTTP_WAIT_MS)
    if isinstance(trigger, Trigger | WebhookTrigger) and trigger.condition is not None:
        yield from check_expression(trigger.condition, f"{pointer}/if", EVENT_AND_TIME, subject.limits)


def _check_cron(trigger: CronTrigger) -> Iterator[Problem]:
    if isinstance(error := _schedule(trigger), CronError):
        is_zone = isinstance(error, UnknownTimezone) and trigger.timezone is not None
        where = "" if error.position is None else f" (character {error.position + 1})"
        pointer = f"{trigger.pointer}/{'timezone' if is_zone else 'cron'}"
        yield Problem(pointer, error.code, f"{error.message}{where}")
    yield from _check_days(trigger)
    if trigger.jitter_ms:
        yield from check_duration(trigger.jitter_ms, f"{trigger.pointer}/jitter", SECOND_MS, MAX_JITTER_MS)


def _check_days(trigger: CronTrigger) -> Iterator[Problem]:
    named = [("starts_on", trigger.starts_on), ("ends_on", trigger.ends_on)]
    named += [(f"skip_dates/{index}", day) for index, day in enumerate(trigger.skip_dates)]
    wrong = [(name, day) for name, day in named if day is not None and not _is_day(day)]
    for name, day in wrong:
        yield Problem(f"{trigger.pointer}/{name}", "invalid-date", f"{day}: expected a day such as 2026-12-24")
    days = None if wrong else Days.read(trigger.starts_on, trigger.ends_on, ())
    if days is not None and days.first is not None and days.last is not None and days.last < days.first:
        yield Problem(f"{trigger.pointer}/ends_on", "ends-before-start", f"{days.last} is before {days.first}")


def _is_day(text: str) -> bool:
    try:
        Days.read(text, None, ())
    except ValueError:
        return False
    return len(text) == len("2026-12-24")  # there are other ways to write a day: one is enough


def _schedule(trigger: CronTrigger) -> CronSchedule | CronError:
    from workflowkit.definition.cron import parse_cron  # most documents have no schedule to read

    try:
        return parse_cron(trigger.cron, trigger.timezone)
    except CronError as error:
        return error


def _identity(trigger: AnyTrigger) -> tuple[Hashable, str]:
    """Return what makes two triggers the same, and what to call it."""
    match trigger:
        case Trigger():
            return (trigger.event, trigger.condition), trigger.event
        case CronTrigger():
            schedule = _schedule(trigger)
            days = (trigger.starts_on, trigger.ends_on, trigger.skip_dates)
            return (trigger.cron if isinstance(schedule, CronError) else schedule, days), trigger.cron
        case WebhookTrigger():
            return ("webhook", trigger.name, trigger.condition), trigger.name
        case ManualTrigger():
            return "manual", "manual"
        case HttpTrigger():
            return "http", "http"
