"""Dry runs: a document, executed with nothing that could reach the world."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import (
    Answer,
    Request,
    any_json,
    described,
    json_object,
    many,
    text,
    whole,
)
from workflowkit.api.schemas.runs import ActionError
from workflowkit.engine.states import EdgeState, RunStatus, StepStatus


class DryRunRequest(Request):
    """What a dry run is given."""

    document = json_object("The document. Default: the draft.", required=False)
    event = json_object("The event: `name` and `data`. Default: one of the first trigger, without data.",
                        required=False)  # fmt: skip
    stubs = json_object("What stands for actions, by kind or `node:<action id>`, and for what they open, by "
                        "`step:<action id>/<step id>`: objects with `output`, `error`, `event` or `timeout`.",
                        required=False)  # fmt: skip
    events = fields.List(fields.Dict(keys=fields.String()), metadata={
        "description": "Events that come while it goes on: `name`, `data`, and `after`, from its start."})  # fmt: skip
    until = text("Go no further than this action.", required=False)
    state = json_object("Outputs of other actions, by id: execute `until` alone, as if these had come before it.",
                        required=False)  # fmt: skip
    signals = json_object("Stubs of signals that are waited for, by name.", required=False)
    invokes = json_object("Stubs of workflows and functions that are run, by id.", required=False)


class DryStep(Answer):
    """What became of an action."""

    id = text("The action's id in the document.")
    kind = text("The kind of action.")
    name = text("The action's name in the document.")
    status = text("Where it stands; `waiting` if it is one of those that are missing something.",
                  validate=validate.OneOf(list(StepStatus)))  # fmt: skip
    inputs = json_object("What it was given, with references resolved.", nullable=True)
    output = any_json("What later steps see of it.")
    error = fields.Nested(ActionError, **described("Why it failed.", nullable=True))
    attempts = whole("How often it was tried.")
    reason = text("Why it was skipped or cancelled.", nullable=True)


class DryEdge(Answer):
    """What became of an edge."""

    id = text("Its id: its own in the document, else `<from>-><to>#<index>`.")
    source = text("The action it leaves, or `$source`.", data_key="from")
    target = text("The action it leads to.", data_key="to")
    state = text("Whether it was taken; null if that is not decided.", nullable=True,
                 validate=validate.OneOf(list(EdgeState)))  # fmt: skip


class Missing(Answer):
    """Something at which the run stopped, since nobody says what it comes to."""

    step = text("The id of the action.")
    kind = text("The kind of action.")
    waits_for = text("What it waits for: `event`, `signal`, `run` and so on; null if the action itself has neither a "
                     "stub nor a dry run of its own.", nullable=True)  # fmt: skip
    name = text("The name of the event or the signal, or what is to be run.", nullable=True)
    stub = text("The key under which a stub can say.")


class DryRun(Answer):
    """A dry run."""

    status = text("How it ended; `waiting` if it stopped at what is missing.",
                  validate=validate.OneOf(list(RunStatus)))  # fmt: skip
    output = any_json("What the run would give.")
    error = fields.Nested(ActionError, **described("Why it failed.", nullable=True))
    path = fields.List(fields.String(), required=True,
                       metadata={"description": "The executed actions, in the order in which they ended."})  # fmt: skip
    steps = many(DryStep, "The actions that it came to, by their place in the document.")
    edges = many(DryEdge, "All edges.")
    missing = many(Missing, "At what it stopped.")
    events = fields.List(fields.Dict(keys=fields.String()), required=True,
                         metadata={"description": "Events that would be sent: `name` and `data`."})  # fmt: skip
    slept_seconds = fields.Float(**described("How long it would have waited."))
