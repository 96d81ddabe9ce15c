"""Schedules: what cron triggers of published workflows do next."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import Answer, described, flag, many, moment, next_cursor, text, whole
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
    is_paused = flag("Whether it fires nothing, because the workflow is disabled.")
    next_at = moment("When it fires next; null while it is paused, and when it is over.", nullable=True)
    last_slot = moment("The newest slot that it is done with; null if there was none.", nullable=True)
    queued = whole("How many slots wait for an earlier run to end.")


class SchedulePage(Answer):
    """Schedules, by workflow."""

    items = many(Schedule, "In order of workflow and position.")
    next_cursor = next_cursor()
