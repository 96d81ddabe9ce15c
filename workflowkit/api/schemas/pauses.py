"""What is paused or drained."""

from __future__ import annotations

from marshmallow import validate

from workflowkit.api.schemas.base import Answer, Request, flag, many, moment, next_cursor, text, whole
from workflowkit.store.schema import HOLDS, RUNNING


class NewDrain(Request):
    """Let no run begin any more."""

    reason = text("Why, for people.", required=False)


class NewPause(NewDrain):
    """Let no run begin any more, and stop those there are."""

    running = text("What becomes of the runs there are: frozen after the steps that are running, or cancelled.",
                   required=False, load_default="freeze", validate=validate.OneOf(RUNNING))  # fmt: skip


class PauseState(Answer):
    """How a workflow is."""

    is_paused = flag("Whether a pause concerns it: its own, or one of the tenant or the environment.")
    is_drained = flag("Whether a drain concerns it.")
    open_runs = whole("How many of its runs have not ended, with those that open batches and windows become.")


class Pause(Answer):
    """A pause or a drain."""

    hold = text("Which of the two it is.", validate=validate.OneOf(HOLDS))
    workflow_id = text("The workflow or function that it is of; null for all of them.", nullable=True)
    is_for_everyone = flag("Whether it is of the whole environment, and not of this tenant.")
    running = text("What a pause does to the runs there are.", validate=validate.OneOf(RUNNING))
    reason = text("Why, for people.", nullable=True)
    actor = text("Who did it.", nullable=True)
    at = moment("Since when.")


class PausePage(Answer):
    """Pauses and drains, by workflow."""

    items = many(Pause, "In order of workflow.")
    next_cursor = next_cursor()
