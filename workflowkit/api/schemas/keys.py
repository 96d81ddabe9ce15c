"""API keys."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import Answer, Request, described, many, moment, next_cursor, text
from workflowkit.runtime.keys import PERMISSIONS


class NewKey(Request):
    """A key to make."""

    name = text("Who uses it.")
    permissions = fields.List(fields.String(validate=validate.OneOf(PERMISSIONS)), required=True,
                              metadata={"description": "What it may do; you must hold each yourself."})  # fmt: skip
    event_names = fields.List(fields.String(), allow_none=True, metadata={
        "description": "The only events that a key for sending may send: names, or beginnings of names with * at the "
                       "end. Default: all."})  # fmt: skip


class Key(Answer):
    """A key, without its secret."""

    id = text("The key's id.")
    name = text("Who uses it.")
    prefix = text("How the key begins.")
    environment = text("The environment it belongs to.")
    tenant = text("The tenant it belongs to.")
    permissions = fields.List(fields.String(), required=True, metadata={"description": "What it may do."})
    event_names = fields.List(fields.String(), **described("The only events it may send; null for all.", nullable=True))
    created_at = moment("When it was made.")
    last_used_at = moment("When it was last used, to the minute.", nullable=True)
    revoked_at = moment("When it was revoked.", nullable=True)
    created_by = text("Who has made it: `user:` or `key:` and an id, `program` for the application or the command "
                      "line; null if it is not known.", nullable=True)  # fmt: skip


class CreatedKey(Key):
    """A new key, with its secret."""

    key = text("The key itself. It is shown this once.")


class KeyPage(Answer):
    """Keys, revoked ones included."""

    items = many(Key, "Newest first.")
    next_cursor = next_cursor()
