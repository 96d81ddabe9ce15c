"""The catalogue of actions."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import Answer, Request, any_json, described, flag, json_object, many, text, whole

#: The longest text that options are searched with.
_SEARCH_CHARS = 200


class ActionConcurrency(Answer):
    """How often an action may be executed at the same time."""

    limit = whole("The most steps of this kind that execute at once.")
    scope = text("Among what they are counted: a tenant, an environment, or all of the installation.")


class Action(Answer):
    """The public half of an action."""

    kind = text("What a workflow document calls it.")
    name = text("Its label.")
    description = text("What it does.")
    icon = text("A URL or an inline SVG.", nullable=True)
    category = text("Where it stands in the editor's palette.", nullable=True)
    inputs = json_object("JSON Schema of the inputs, with hints for forms; `x-options` marks those with options.")
    outputs = json_object("JSON Schema of the output.", nullable=True)
    edges = json_object("Which edges may leave it.")
    retries = whole("How often a failed attempt is repeated.")
    timeout_seconds = fields.Float(**described("The longest an attempt may take."))
    queue = text("The queue whose workers run it.")
    concurrency = fields.Nested(
        ActionConcurrency, **described("How often it may be executed at once; null: as often as may be.", nullable=True)
    )
    has_compensation = fields.Boolean(
        **described("Whether it is undone by itself if a run fails or is cancelled after it.")
    )


class ActionList(Answer):
    """The actions that workflows may use."""

    items = many(Action, "In order of kind.")


class OptionsRequest(Request):
    """Which options, and for what."""

    input = text("The input, as its mark `x-options` names it.")
    inputs = fields.Dict(
        keys=fields.String(), load_default=dict,
        metadata={"description": "What the options depend on, by the names of inputs; references count as unknown."},
    )  # fmt: skip
    search = text("What was typed, for functions that search by themselves.", required=False, load_default="",
                  validate=validate.Length(max=_SEARCH_CHARS))  # fmt: skip


class Option(Answer):
    """A value to choose."""

    value = any_json("Text or a number: what the input gets.")
    label = text("What it is called.")


class OptionList(Answer):
    """What can be chosen for an input."""

    items = many(Option, "In the function's order.")
    is_complete = flag("Whether these are all: a limit cuts long lists.")
