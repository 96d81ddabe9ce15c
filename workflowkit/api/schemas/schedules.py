"""Schedules: what cron triggers of published workflows do next."""

from __future__ import annotations

from datetime import UTC, datetime

from marshmallow import fields, validate

from workflowkit.api.schemas.base import Answer, Request, described, flag, many, moment, next_cursor, text, whole
from workflowkit.store.schema import OVERLAPS


class Schedule(Answer):
    """A cron trigger of the published version of a workflow."""

    workflow_id = text("The workflow that it starts.")
    position = whole("Which of the workflow's schedules it is, from 0.")
    cron = text("When it fires, in five fields, as the author wrote it.")
    timezone = text("The time zone in which that is meant.")
    jitter_ms = whole("Most milliseconds that a firing is put off by.")
    overlap = text("What becomes of a slot while an earlier run goes on.", validate=validate.OneOf(OVERLAPS))
    catch_up = whole("Most missed slots that fire after all, the newest ones.")
    starts_on = text("The first day on which it fires, in its time zone; null: at once.", nullable=True)
    ends_on = text("The last day on which it fires; null: for ever.", nullable=True)
    skip_dates = fields.List(fields.String(), **described("The days on which it does not fire."))
    is_paused = flag("Whether it fires nothing, because the workflow is disabled or archived.")
    pause_reason = text("Which of the two it is; null while it is not paused.", nullable=True,
                        validate=validate.OneOf(["disabled", "archived"]))  # fmt: skip
    next_at = moment("When it fires next; null while it is paused, and when it is over.", nullable=True)
    last_slot = moment("The newest slot that it is done with; null if there was none.", nullable=True)
    queued = whole("How many slots wait for an earlier run to end.")


class SchedulePage(Answer):
    """Schedules, by workflow."""

    items = many(Schedule, "In order of workflow and position.")
    next_cursor = next_cursor()


#: Most times that are computed for one question.
MAX_TIMES = 100
#: Between these calendars are looked through.
_FIRST, _LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2099, 12, 30, tzinfo=UTC)


class TriedSchedule(Request):
    """A schedule, as a trigger of a document has it."""

    cron = text("When it fires, in five fields.")
    timezone = text("The time zone in which that is meant; UTC, if absent.", required=False, nullable=True)
    starts_on = text("The first day on which it fires.", required=False, nullable=True)
    ends_on = text("The last day on which it fires.", required=False, nullable=True)
    skip_dates = fields.List(fields.String(), **described("The days on which it does not fire.", required=False))
    after = moment("Times after this one; after the present, if absent.", required=False,
                   validate=validate.Range(_FIRST, _LAST))  # fmt: skip
    count = whole("How many times.", required=False, load_default=5, validate=validate.Range(1, MAX_TIMES))


class ScheduleTime(Answer):
    """One time at which a schedule fires, without its jitter."""

    at = moment("The time, in UTC.")
    local = moment("The same time, as clocks show it in the schedule's own time zone.")


class ScheduleTimes(Answer):
    """When a schedule fires."""

    timezone = text("The time zone in which it is meant.")
    items = many(ScheduleTime, "In order; fewer than asked for, if it is over then.")
