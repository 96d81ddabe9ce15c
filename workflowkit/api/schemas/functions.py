"""Code functions of applications."""

from __future__ import annotations

from marshmallow import fields

from workflowkit.api.schemas.base import (
    Answer,
    PageQuery,
    described,
    flag,
    json_object,
    many,
    moment,
    next_cursor,
    text,
    whole,
)


class FunctionQuery(PageQuery):
    """Which functions to list."""

    app_id = text("Functions of this application.", required=False)
    id = text("The function with this id, such as `shop/welcome`.", required=False)


class Function(Answer):
    """A function written in code."""

    id = text("`<app id>/<function id>`: the `workflow_id` of its runs.")
    app_id = text("The application whose code it is.")
    app_version = text("The version of the code that is in force.", nullable=True)
    name = text("What to show.")
    description = text("What it does, if the code says.", nullable=True)
    enabled = flag("Whether events start it. Functions that the code has no more do not listen.")
    version = whole("The version that new runs start on; it grows when what the code declares changes.")
    triggers = fields.List(fields.Dict(keys=fields.String()), **described("What starts it, as in a document."))
    settings = json_object("Its settings, as in a document.")
    updated_at = moment("When it was last changed.")


class FunctionPage(Answer):
    """Functions, by id."""

    items = many(Function, "In order of id.")
    next_cursor = next_cursor()
